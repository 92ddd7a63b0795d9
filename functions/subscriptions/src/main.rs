//! The Lambda function `subscriptions`.

fn main() {}
