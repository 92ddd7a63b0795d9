//! `METRICS.md`: metrics and data types as tables for people.

use std::fmt::Write as _;

use shared::domain::{CATALOGUE, DataType, Delivery, Frequency, PerDay, RangeQuery};

/// The text.
pub(crate) fn text() -> String {
    let mut text = String::from(
        "# Metrics and data types\n\n\
         Made from the code by `UPDATE_CONTRACTS=1 cargo test -p shared --test contracts`: do not edit.\n\n\
         ## Metrics of a day\n\n\
         The scalar fields of a day's stats. Lists and series are described in \
         [metrics.schema.json](schemas/metrics.schema.json). Baselines: days are compared with the 7 and 30 days before.\n\n\
         | metric | meaning | unit | UCUM | LOINC | Oura's field | scope | baselines |\n\
         |---|---|---|---|---|---|---|---|\n",
    );
    for metric in CATALOGUE.iter() {
        let field = metric.field;
        let codes: Vec<_> = field.loinc.iter().map(|loinc| loinc.code).collect();
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | `{}` | `{}` | {} |",
            metric.name(),
            field.meaning,
            field.unit.map_or("", |unit| unit.text),
            field.unit.map_or(String::new(), |unit| format!("`{}`", unit.ucum)),
            codes.join(", "),
            metric.source_name(),
            field.source.scope(),
            if field.has_baselines { "yes" } else { "" },
        );
    }
    text.push_str(
        "\n## Data types\n\n\
         | data type | path | scope | metric type | range query | updates by | due | documents a day | packed series |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    for data_type in DataType::ALL {
        let facts = data_type.facts();
        let _ = writeln!(
            text,
            "| `{}` | `{}` | `{}` | `{}` | {} | {} | {} | {} | {} |",
            facts.name,
            facts.path,
            facts.scope,
            facts.metric_type,
            match facts.range_query {
                RangeQuery::Days => "days",
                RangeQuery::Instants => "instants",
                RangeQuery::None => "no range",
            },
            match facts.delivery {
                Delivery::Webhook => "webhook",
                Delivery::Polled => "polling",
            },
            match facts.frequency {
                Frequency::Always => "every nightly sync",
                Frequency::IfRingSynced => "after the ring has synced",
                Frequency::EveryFewDays => "every few days",
            },
            match facts.per_day {
                PerDay::One => "one",
                PerDay::Several => "several",
            },
            facts.series.iter().map(|field| format!("`{field}`")).collect::<Vec<_>>().join(", "),
        );
    }
    text
}
