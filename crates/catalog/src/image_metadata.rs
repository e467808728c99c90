//! What a node image says of itself: the properties that the SCS standard for images wants (scs-0102-v1), and the one that
//! clusters look for.

use std::collections::BTreeMap;

use capstan_spec::KubernetesVersion;

use crate::NodeImageRules;

/// Tag of every image that Capstan registered: the standard recommends `managed_by_VENDOR`.
pub const TAG: &str = "managed_by_capstan";
/// Property with the checksum of what was fetched: with the name, the identity of an image.
pub const DIGEST: &str = "capstan_digest";
/// Property of an image that is not finished: who is, or was, at it.
pub const UNFINISHED: &str = "capstan_registering";

/// Values of `replace_frequency`.
const FREQUENCIES: [&str; 7] = [
    "yearly",
    "quarterly",
    "monthly",
    "weekly",
    "daily",
    "critical_bug",
    "never",
];

/// What is known of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageMetadata {
    /// The Kubernetes version in it.
    pub kubernetes: Option<KubernetesVersion>,
    /// `os_distro`, for instance `ubuntu`.
    pub os_distro: String,
    /// `os_version`, for instance `24.04`.
    pub os_version: String,
    /// `architecture` in Nova's words, for instance `x86_64`.
    pub architecture: String,
    /// Where it came from.
    pub source: String,
    /// A page or a sentence about it.
    pub description: String,
    /// `YYYY-MM-DD`.
    pub build_date: String,
    /// The user that may log in; `none` if there is none.
    pub original_user: String,
    /// How often the image of this name is replaced.
    pub replace_frequency: String,
    /// Until when there is one of this name.
    pub provided_until: String,
    /// How long its id can be used.
    pub uuid_validity: String,
    /// Hours until a hotfix; nothing is no promise.
    pub hotfix_hours: Option<u32>,
    /// What people add or say otherwise.
    pub more: BTreeMap<String, String>,
}

impl ImageMetadata {
    /// What is wrong, each with its property.
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        for (name, value) in [
            ("os_distro", &self.os_distro),
            ("os_version", &self.os_version),
            ("architecture", &self.architecture),
            ("image_description", &self.description),
        ] {
            if value.trim().is_empty() {
                problems.push(format!("{name} is missing"));
            }
        }
        if !FREQUENCIES.contains(&self.replace_frequency.as_str()) {
            problems.push(format!(
                "replace_frequency {:?} is none of {}",
                self.replace_frequency,
                FREQUENCIES.join(", ")
            ));
        }
        if !is_date(&self.build_date) {
            problems.push(format!(
                "image_build_date {:?} is no YYYY-MM-DD",
                self.build_date
            ));
        }
        let until = |value: &str| is_date(value) || ["none", "notice"].contains(&value);
        if !until(&self.provided_until) {
            problems.push(format!(
                "provided_until {:?} is no YYYY-MM-DD, none or notice",
                self.provided_until
            ));
        }
        let last = self.uuid_validity.strip_prefix("last-");
        let last = last.is_some_and(|number| number.parse::<u32>().is_ok_and(|number| number > 0));
        if !until(&self.uuid_validity) && self.uuid_validity != "forever" && !last {
            problems.push(format!(
                "uuid_validity {:?} is no YYYY-MM-DD, none, last-N, notice or forever",
                self.uuid_validity
            ));
        }
        problems
    }

    /// The properties of the finished image. Buses and the random number generator are those that the standard recommends
    /// (scs-0101, scs-0102); what people say wins.
    pub fn properties(&self, rules: &NodeImageRules) -> BTreeMap<String, String> {
        let fixed = [
            ("os_distro", self.os_distro.as_str()),
            ("os_version", &self.os_version),
            ("architecture", &self.architecture),
            ("hw_disk_bus", "scsi"),
            ("hw_scsi_model", "virtio-scsi"),
            ("hw_rng_model", "virtio"),
            ("image_source", &self.source),
            ("image_description", &self.description),
            ("image_build_date", &self.build_date),
            ("image_original_user", &self.original_user),
            ("replace_frequency", &self.replace_frequency),
            ("provided_until", &self.provided_until),
            ("uuid_validity", &self.uuid_validity),
        ];
        let mut properties: BTreeMap<String, String> = fixed
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        if let Some(hours) = self.hotfix_hours {
            properties.insert("hotfix_hours".to_owned(), hours.to_string());
        }
        if let Some(version) = self.kubernetes {
            properties.insert(rules.property().to_owned(), version.to_string());
        }
        properties.extend(self.more.clone());
        properties
    }

    /// Its tags.
    pub fn tags(&self) -> Vec<String> {
        vec![TAG.to_owned(), format!("os:{}", self.os_distro)]
    }
}

/// Distribution and version out of a file's name, for instance `ubuntu-2404-kube-v1.36.3.qcow2`: how the image builder of
/// Cluster API names its images.
pub fn system_of(file: &str) -> Option<(String, String)> {
    let words: Vec<&str> = file.split(['-', '_']).collect();
    words.windows(2).find_map(|pair| {
        let (distro, version) = (pair[0].to_ascii_lowercase(), pair[1]);
        if !["ubuntu", "debian", "flatcar", "rockylinux", "opensuse"].contains(&distro.as_str()) {
            return None;
        }
        let digits = version.len() == 4 && version.bytes().all(|byte| byte.is_ascii_digit());
        let dotted = version.starts_with(|first: char| first.is_ascii_digit())
            && version
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b'.');
        match (digits, dotted) {
            (true, _) => Some((distro, format!("{}.{}", &version[..2], &version[2..]))),
            (false, true) => Some((distro, version.to_owned())),
            _ => None,
        }
    })
}

/// The user that images of a distribution let in.
pub fn user_of(distro: &str) -> &'static str {
    match distro {
        "ubuntu" => "ubuntu",
        "debian" => "debian",
        "flatcar" => "core",
        "rockylinux" => "rocky",
        "opensuse" => "opensuse",
        _ => "none",
    }
}

fn is_date(text: &str) -> bool {
    let numbers: Vec<&str> = text.split('-').collect();
    let [year, month, day] = numbers[..] else {
        return false;
    };
    let within = |text: &str, digits: usize, most: u32| {
        text.len() == digits
            && text
                .parse::<u32>()
                .is_ok_and(|number| (1..=most).contains(&number))
    };
    within(year, 4, 9999) && within(month, 2, 12) && within(day, 2, 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalogue;

    fn metadata() -> ImageMetadata {
        ImageMetadata {
            kubernetes: "v1.36.3".parse().ok(),
            os_distro: "ubuntu".into(),
            os_version: "24.04".into(),
            architecture: "x86_64".into(),
            source: "https://images.example.org/node.qcow2".into(),
            description: "a node image".into(),
            build_date: "2026-11-01".into(),
            original_user: "ubuntu".into(),
            replace_frequency: "never".into(),
            provided_until: "none".into(),
            uuid_validity: "last-3".into(),
            hotfix_hours: Some(0),
            more: [("hw_disk_bus".to_owned(), "virtio".to_owned())].into(),
        }
    }

    #[test]
    fn what_the_standard_wants_is_there() {
        let catalogue = Catalogue::bundled().unwrap();
        let properties = metadata().properties(catalogue.node_image_rules());
        for mandatory in [
            "architecture",
            "os_version",
            "os_distro",
            "hw_disk_bus",
            "uuid_validity",
            "provided_until",
            "replace_frequency",
            "image_source",
            "image_description",
            "image_build_date",
            "image_original_user",
        ] {
            assert!(properties.contains_key(mandatory), "{mandatory}");
        }
        assert_eq!(properties["kube_version"], "v1.36.3");
        assert_eq!(properties["hotfix_hours"], "0");
        assert_eq!(properties["hw_disk_bus"], "virtio", "what people say wins");
        assert_eq!(metadata().tags(), ["managed_by_capstan", "os:ubuntu"]);
    }

    #[test]
    fn values_that_the_standard_does_not_know_are_told() {
        assert_eq!(metadata().problems(), Vec::<String>::new());
        let bad = ImageMetadata {
            os_version: String::new(),
            build_date: "2026-13-01".into(),
            replace_frequency: "often".into(),
            provided_until: "forever".into(),
            uuid_validity: "last-0".into(),
            ..metadata()
        };
        assert_eq!(bad.problems().len(), 5, "{:?}", bad.problems());
    }

    #[test]
    fn names_of_files_say_the_system() {
        let system = |file| system_of(file).map(|(distro, version)| format!("{distro} {version}"));
        assert_eq!(
            system("ubuntu-2404-kube-v1.36.3.qcow2").as_deref(),
            Some("ubuntu 24.04")
        );
        assert_eq!(system("debian-12-x.raw").as_deref(), Some("debian 12"));
        assert_eq!(system("node.qcow2"), None);
        assert_eq!(system("ubuntu-noble.img"), None);
    }
}
