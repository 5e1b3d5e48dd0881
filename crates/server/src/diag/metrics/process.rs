//! The process itself.

use std::fmt;

use prometheus_client::registry::Unit;

use super::{Labels, Metric, Writer};
use crate::diag::system::System;

const BUILD: Metric = Metric::new("tessera_build_info", "The version that runs; always 1");
const RESIDENT: Metric =
    Metric::new("process_resident_memory", "Memory of the process in RAM").of(&Unit::Bytes);
const VIRTUAL: Metric =
    Metric::new("process_virtual_memory", "Address space of the process").of(&Unit::Bytes);
const OPEN_FDS: Metric = Metric::new("process_open_fds", "Open file descriptors");
const MAX_FDS: Metric =
    Metric::new("process_max_fds", "The most file descriptors that may be open");
const THREADS: Metric = Metric::new("process_threads", "Threads of the process");
const CPU: Metric =
    Metric::new("process_cpu", "Time that the process has spent on processors").of(&Unit::Seconds);

pub(super) fn write(writer: &mut Writer<'_>) -> Result<(), fmt::Error> {
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    writer.gauges(BUILD, [(version, 1)])?;
    let system = System::look();
    let gauges = [
        (RESIDENT, system.resident_bytes),
        (VIRTUAL, system.virtual_bytes),
        (OPEN_FDS, system.open_fds),
        (MAX_FDS, system.max_fds),
        (THREADS, system.threads),
    ];
    for (metric, value) in gauges {
        if let Some(value) = value {
            writer.gauge(metric, value)?;
        }
    }
    writer.counters(CPU, system.cpu_seconds.map(|seconds| (Labels::new(), seconds)))
}
