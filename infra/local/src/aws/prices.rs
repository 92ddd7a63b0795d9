//! List prices, so that a run can say about what it would have cost.
//!
//! US East (N. Virginia), US dollars, on demand, without free tier, discounts and taxes, of March 2026. To be
//! checked at aws.amazon.com/dynamodb/pricing/on-demand, /secrets-manager/pricing, /sqs/pricing and /eventbridge/pricing. Only
//! calls are priced: not storage, not the 0.40 dollars a month for each secret, no Lambda, no logs.
//!
//! It is an estimate. DynamoDB's units are the engine's own count of consumed capacity (whole KiB written, with indexes;
//! half units for eventually consistent reads; double for transactions); for a write that a condition refused, which reports
//! none, the smallest possible count is taken.

/// Month of the table.
pub const AS_OF: &str = "2026-03";

/// Billionths of a thousandth of a dollar (1e-12), so that half a read unit is a whole number.
pub type PicoDollars = u64;

/// One write request unit: 0.625 dollars a million.
pub const DYNAMODB_WRITE_UNIT: PicoDollars = 625_000;
/// One read request unit: 0.125 dollars a million.
pub const DYNAMODB_READ_UNIT: PicoDollars = 125_000;
/// One Secrets Manager call: 0.05 dollars per ten thousand.
pub const SECRETS_MANAGER_CALL: PicoDollars = 5_000_000;
/// One request to a standard queue for each started 64 KiB: 0.40 dollars a million.
pub const SQS_REQUEST: PicoDollars = 400_000;
/// One custom event for each started 64 KiB: 1.00 dollar a million.
pub const EVENTS_EVENT: PicoDollars = 1_000_000;

/// The size that queues and buses bill as one.
const CHUNK: usize = 64 * 1024;

/// Number of started 64 KiB units of a payload; at least one.
#[must_use]
pub fn chunks(bytes: usize) -> u64 {
    bytes.div_ceil(CHUNK).max(1) as u64
}

/// Dollars, for people.
#[must_use]
pub fn dollars(amount: PicoDollars) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "shown with a few digits")]
    let amount = amount as f64;
    amount / 1e12
}

/// DynamoDB capacity units at a unit price. Units come in halves.
#[must_use]
pub fn capacity(units: f64, unit: PicoDollars) -> PicoDollars {
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "small and positive"
    )]
    let price = (units.max(0.0) * unit as f64).round() as PicoDollars;
    price
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn million_of_each_costs_the_list_price() {
        assert!((dollars(1_000_000 * capacity(1.0, DYNAMODB_WRITE_UNIT)) - 0.625).abs() < 1e-9);
        assert!((dollars(2_000_000 * capacity(0.5, DYNAMODB_READ_UNIT)) - 0.125).abs() < 1e-9);
        assert!((dollars(10_000 * SECRETS_MANAGER_CALL) - 0.05).abs() < 1e-9);
        assert!((dollars(1_000_000 * SQS_REQUEST) - 0.4).abs() < 1e-9);
        assert!((dollars(1_000_000 * EVENTS_EVENT) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn payload_is_billed_by_started_chunks() {
        assert_eq!([0, 1, 65_536, 65_537].map(chunks), [1, 1, 1, 2]);
    }
}
