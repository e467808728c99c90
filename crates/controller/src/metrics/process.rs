//! What the kernel knows of this process, under the names every Prometheus client uses.

use std::fmt;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use super::definition::{CPU, MEMORY, STARTED};

/// Kernel ticks per second as every Linux shows them to programs (`USER_HZ`), whatever its own.
const TICKS: f64 = 100.0;

#[derive(Debug)]
pub(super) struct Process {
    started: Timestamp,
}

impl Process {
    pub(super) fn starting() -> Self {
        Self {
            started: Timestamp::now(),
        }
    }
}

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let started = self.started.as_second();
        let mut gauge = |definition: &super::Definition, value: i64| {
            encoder
                .encode_descriptor(
                    definition.registered(),
                    &super::sentence(definition),
                    None,
                    MetricType::Gauge,
                )?
                .encode_gauge(&value)
        };
        gauge(&STARTED, started)?;
        if let Some(bytes) = read("/proc/self/status").as_deref().and_then(resident) {
            gauge(&MEMORY, bytes)?;
        }
        if let Some(seconds) = read("/proc/self/stat").as_deref().and_then(processor_time) {
            encoder
                .encode_descriptor(
                    CPU.registered(),
                    &super::sentence(&CPU),
                    None,
                    MetricType::Counter,
                )?
                .encode_counter::<NoLabelSet, _, f64>(&seconds, None)?;
        }
        Ok(())
    }
}

fn read(path: &str) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// `VmRSS` of `/proc/<pid>/status` in bytes.
fn resident(status: &str) -> Option<i64> {
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: i64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// User and system time of `/proc/<pid>/stat` in seconds. The program's name, in brackets, may contain anything.
fn processor_time(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<u32>().ok().map(f64::from);
    Some((ticks()? + ticks()?) / TICKS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_files_are_read() {
        assert_eq!(resident("Name:\tx\nVmRSS:\t   12 kB\n"), Some(12 * 1024));
        let stat = "7 (a (b) c) S 1 7 7 0 -1 4 0 0 0 0 250 50 0 0 20 0 3 0 9 1 2";
        assert_eq!(processor_time(stat), Some(3.0));
        assert_eq!(processor_time("nonsense"), None);
    }
}
