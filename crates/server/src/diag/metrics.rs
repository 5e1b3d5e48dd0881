//! Every metric, asked for when somebody wants them: nothing is kept for that.

mod process;
mod services;

use std::fmt::{self, Debug};
use std::sync::Arc;

use agent::Agent;
use auth::Auth;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};
use proxy::Proxy;
use tunnel::Up;

/// The parts of a process that have something to tell.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    pub(crate) auth: Option<Auth>,
    pub(crate) proxy: Option<(Proxy, tunnel::Registry)>,
    pub(crate) agent: Option<(Agent, Up)>,
    pub(crate) spool: Option<Arc<audit::Spool>>,
}

/// What all metrics are asked of.
#[derive(Debug)]
pub(super) struct Metrics(Registry);

/// A metric, but for its values.
#[derive(Clone, Copy, Debug)]
struct Metric {
    /// Without the unit, and without `_total`.
    name: &'static str,
    unit: Option<&'static Unit>,
    help: &'static str,
}

/// Writes metrics, one after the other.
#[derive(Debug)]
struct Writer<'e>(DescriptorEncoder<'e>);

/// What tells the values of one metric apart.
type Labels = Vec<(&'static str, String)>;

// === impl Metrics ===

impl Metrics {
    pub(super) fn new(sources: Sources) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(sources));
        Self(registry)
    }

    /// All of them in the text format of OpenMetrics.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.0)?;
        Ok(text)
    }
}

impl Collector for Sources {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut writer = Writer(encoder);
        process::write(&mut writer)?;
        services::write(self, &mut writer)
    }
}

// === impl Metric ===

impl Metric {
    const fn new(name: &'static str, help: &'static str) -> Self {
        Self { name, unit: None, help }
    }

    const fn of(self, unit: &'static Unit) -> Self {
        Self { unit: Some(unit), ..self }
    }
}

// === impl Writer ===

impl Writer<'_> {
    /// A value that goes up and down.
    fn gauge(&mut self, metric: Metric, value: u64) -> Result<(), fmt::Error> {
        self.gauges(metric, [(Labels::new(), value)])
    }

    fn gauges(
        &mut self,
        metric: Metric,
        values: impl IntoIterator<Item = (Labels, u64)>,
    ) -> Result<(), fmt::Error> {
        let values = values.into_iter().map(|(labels, value)| (labels, ConstGauge::new(value)));
        self.write(metric, values)
    }

    /// A value that only goes up.
    fn counters<V>(
        &mut self,
        metric: Metric,
        values: impl IntoIterator<Item = (Labels, V)>,
    ) -> Result<(), fmt::Error>
    where
        ConstCounter<V>: EncodeMetric,
    {
        let values = values.into_iter().map(|(labels, value)| (labels, ConstCounter::new(value)));
        self.write(metric, values)
    }

    fn write<M: EncodeMetric>(
        &mut self,
        metric: Metric,
        values: impl Iterator<Item = (Labels, M)>,
    ) -> Result<(), fmt::Error> {
        let mut values = values.peekable();
        let Some((_, first)) = values.peek() else { return Ok(()) };
        let kind = first.metric_type();
        let mut encoder = self.0.encode_descriptor(metric.name, metric.help, metric.unit, kind)?;
        for (labels, value) in values {
            if labels.is_empty() {
                // There is one value, and with labels that are none it would be written with `{}`.
                return value.encode(encoder);
            }
            let labels: Labels =
                labels.into_iter().map(|(key, text)| (key, escaped(&text))).collect();
            value.encode(encoder.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// A label's value as the format wants it; the encoder writes it as it is.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// A count of things in memory.
fn number(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
