//! Properties of every input, checked with some thousands of random mutations of valid inputs. The seed is fixed, so that a
//! failure can be reproduced. `tests/fuzz` searches further.

#[path = "../../../tests/fuzz/properties.rs"]
mod properties;

use fastrand::Rng;

/// Mutations of each valid input.
const INPUTS: u64 = 4_000;

const SEEDS: [&[u8]; 6] = [
    include_bytes!("../../../tests/fuzz/seeds/delivery"),
    include_bytes!("../../../tests/fuzz/seeds/delivery-of-seconds"),
    include_bytes!("../../../tests/fuzz/seeds/delivery-too-old"),
    include_bytes!("../../../tests/fuzz/seeds/event"),
    include_bytes!("../../../tests/fuzz/seeds/event-in-base64"),
    include_bytes!("../../../tests/fuzz/seeds/handshake"),
];

/// Texts with a meaning to some rule.
const WORDS: [&[u8]; 16] = [
    b"",
    b"\n",
    b",",
    b"\"",
    b"{",
    b"}",
    b"[[[[[[[[",
    b"\\u0000",
    b"\xff\xfe",
    "\u{e9}".as_bytes(),
    b"null",
    b"1772366400",
    b"99999999999999999999",
    b"&challenge=x",
    b"verification_token=handshake-t0ken",
    b"%00",
];

/// Changes a valid input after the byte of its kind.
fn mutate(input: &mut Vec<u8>, rng: &mut Rng) {
    for _ in 0..=rng.usize(..4) {
        let at = 1 + rng.usize(..input.len());
        match rng.u8(..6) {
            0 => input.truncate(at),
            1 => {
                let end = (at + rng.usize(..8)).min(input.len());
                input.drain(at..end);
            }
            2 => {
                let word = WORDS[rng.usize(..WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
            3 if at < input.len() => input[at] ^= 1 << rng.u8(..8),
            4 => input.insert(at, rng.u8(..)),
            _ => {
                let again = input[at.min(input.len() - 1)..].to_vec();
                input.extend(again);
            }
        }
    }
}

#[test]
fn properties_hold_for_valid_and_for_mutated_inputs() {
    for (number, seed) in (0_u64..).zip(SEEDS) {
        properties::check(seed);
        let mut rng = Rng::with_seed(number);
        for _ in 0..INPUTS {
            let mut input = seed.to_vec();
            mutate(&mut input, &mut rng);
            properties::check(&input);
        }
    }
}
