//! What a disk image is, by its first octets.

/// A disk image as its header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disk {
    /// How it is written.
    pub format: DiskFormat,
    /// Size of the disk in it, in octets.
    pub size: u64,
}

/// How a disk is written in a file. Only these two: every OpenStack takes them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DiskFormat {
    /// Octet by octet.
    Raw,
    /// QEMU's, with holes and compression.
    Qcow2,
}

impl DiskFormat {
    /// Glance's `disk_format`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Qcow2 => "qcow2",
        }
    }
}

/// Why a file is taken for no disk image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiskError {
    /// Something else, that is known.
    #[error("failed to read the disk image: it is {0}")]
    Other(&'static str),
    /// Neither a qcow2 nor a disk with a partition table.
    #[error(
        "failed to tell what the disk image is: it begins neither as qcow2 nor with a partition table"
    )]
    Unknown,
    /// A qcow2 that is not all there is.
    #[error("failed to use the disk image: its qcow2 refers to another file ({0})")]
    NotWhole(&'static str),
    /// A qcow2 with a key.
    #[error("failed to use the disk image: its qcow2 is encrypted")]
    Encrypted,
    /// What was said about it is not so.
    #[error("failed to use the disk image: it was said to be {said}, and it is {is}")]
    Contradicts {
        /// What was said.
        said: &'static str,
        /// What it is.
        is: &'static str,
    },
}

impl DiskError {
    /// What to do about it.
    pub const fn hint(&self) -> &'static str {
        match self {
            Self::Other(_) => "give the URL of the disk image itself, unpacked: qcow2 or raw",
            Self::Unknown => "say --disk-format raw if it is a raw disk nevertheless",
            Self::NotWhole(_) => {
                "make a whole one of it: qemu-img convert -O qcow2 IN OUT; an image that refers to files would make the \
                 cloud read its own"
            }
            Self::Encrypted => "give one that is not",
            Self::Contradicts { .. } => "leave --disk-format out, or give the other one",
        }
    }
}

/// Octets that [`Disk::read`] wants to see, if the file has as many.
pub const HEADER: usize = 512;

/// What files begin with that people take for disk images, most often by a wrong URL.
const OTHERS: [(&[u8], &str); 8] = [
    (b"\x1f\x8b", "compressed with gzip"),
    (b"\xfd7zXZ\x00", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"BZh", "compressed with bzip2"),
    (b"PK\x03\x04", "a zip archive"),
    (b"KDMV", "a VMDK of VMware"),
    (b"vhdxfile", "a VHDX of Hyper-V"),
    (b"<", "a page of HTML or XML"),
];
const QCOW2: &[u8] = b"QFI\xfb";
/// End of the first sector of a disk with a partition table.
const BOOTABLE: [u8; 2] = [0x55, 0xaa];
/// The incompatible feature "external data file" of qcow2 version 3 (QEMU, `docs/interop/qcow2.txt`).
const EXTERNAL_DATA: u64 = 1 << 2;

impl Disk {
    /// Reads the header of a file of `length` octets. A raw disk is recognised by its partition table, or believed when
    /// `said` says so.
    ///
    /// # Errors
    /// When it is something else, or refers to files beside it.
    pub fn read(header: &[u8], length: u64, said: Option<DiskFormat>) -> Result<Self, DiskError> {
        if header.starts_with(QCOW2) {
            return match said {
                Some(DiskFormat::Raw) => Err(DiskError::Contradicts {
                    said: "raw",
                    is: "qcow2",
                }),
                _ => qcow2(header),
            };
        }
        if let Some((_, what)) = OTHERS.iter().find(|(magic, _)| header.starts_with(magic)) {
            return Err(DiskError::Other(what));
        }
        let bootable = header.get(510..512) == Some(&BOOTABLE);
        match said {
            Some(DiskFormat::Qcow2) => Err(DiskError::Contradicts {
                said: "qcow2",
                is: "none",
            }),
            None if !bootable => Err(DiskError::Unknown),
            _ => Ok(Self {
                format: DiskFormat::Raw,
                size: length,
            }),
        }
    }

    /// The smallest root disk in GiB that holds it: OpenStack counts in these.
    pub fn min_disk(self) -> u64 {
        self.size.div_ceil(1 << 30)
    }
}

fn number<const N: usize>(header: &[u8], at: usize) -> Option<u64> {
    let octets = header.get(at..at + N)?;
    Some(
        octets
            .iter()
            .fold(0, |number, octet| number << 8 | u64::from(*octet)),
    )
}

/// Fields of the header of qcow2, big-endian (QEMU, `docs/interop/qcow2.txt`).
fn qcow2(header: &[u8]) -> Result<Disk, DiskError> {
    let cut = DiskError::Other("a qcow2 that is cut off");
    let whole = number::<8>(header, 96).is_some();
    let (Some(version), Some(backing), Some(size), Some(crypt), true) = (
        number::<4>(header, 4),
        number::<8>(header, 8),
        number::<8>(header, 24),
        number::<4>(header, 32),
        whole,
    ) else {
        return Err(cut);
    };
    if backing != 0 {
        return Err(DiskError::NotWhole("a backing file"));
    }
    let incompatible = number::<8>(header, 72).unwrap_or_default();
    if version >= 3 && incompatible & EXTERNAL_DATA != 0 {
        return Err(DiskError::NotWhole("an external data file"));
    }
    if crypt != 0 {
        return Err(DiskError::Encrypted);
    }
    Ok(Disk {
        format: DiskFormat::Qcow2,
        size,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn qcow2_of(size: u64) -> Vec<u8> {
        let mut header = vec![0; HEADER];
        header[..4].copy_from_slice(QCOW2);
        header[7] = 3;
        header[24..32].copy_from_slice(&size.to_be_bytes());
        header
    }

    #[test]
    fn a_qcow2_says_its_own_size() {
        let disk = Disk::read(&qcow2_of((10 << 30) + 1), 4_000, None).unwrap();
        assert_eq!(disk.format, DiskFormat::Qcow2);
        assert_eq!(disk.min_disk(), 11);
        assert!(Disk::read(&qcow2_of(1)[..60], 60, None).is_err());
        assert!(Disk::read(&qcow2_of(1), 1, Some(DiskFormat::Raw)).is_err());
    }

    #[test]
    fn a_qcow2_that_refers_to_files_is_refused() {
        let mut backed = qcow2_of(1);
        backed[15] = 1;
        let mut external = qcow2_of(1);
        external[79] = 4;
        let mut locked = qcow2_of(1);
        locked[35] = 2;
        for (header, want) in [
            (backed, DiskError::NotWhole("a backing file")),
            (external, DiskError::NotWhole("an external data file")),
            (locked, DiskError::Encrypted),
        ] {
            assert_eq!(Disk::read(&header, 1, None), Err(want));
        }
    }

    #[test]
    fn a_raw_disk_has_a_partition_table_or_is_said_to_be_one() {
        let mut raw = vec![0; HEADER];
        assert_eq!(Disk::read(&raw, 1 << 30, None), Err(DiskError::Unknown));
        let said = Disk::read(&raw, 1 << 30, Some(DiskFormat::Raw)).unwrap();
        assert_eq!((said.format, said.min_disk()), (DiskFormat::Raw, 1));
        raw[510..].copy_from_slice(&BOOTABLE);
        assert!(Disk::read(&raw, 1, None).is_ok());
        assert!(Disk::read(&raw, 1, Some(DiskFormat::Qcow2)).is_err());
    }

    #[test]
    fn what_a_wrong_url_gives_is_named() {
        for (content, want) in [
            (&b"<!DOCTYPE html>"[..], "HTML"),
            (b"\x1f\x8b\x08", "gzip"),
            (b"\xfd7zXZ\x00\x00", "xz"),
        ] {
            let error = Disk::read(content, 9, Some(DiskFormat::Raw)).unwrap_err();
            assert!(error.to_string().contains(want), "{error}");
        }
    }
}
