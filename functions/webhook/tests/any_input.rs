//! Properties of every input, checked with some thousands of random mutations of valid inputs. The seed is fixed, so that a
//! failure can be reproduced. `tests/fuzz` searches further.

#[path = "../../../tests/fuzz/properties.rs"]
mod properties;

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

/// SplitMix64 (Steele, Lea and Flood, 2014), a reproducible generator.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below this one, which is not 0.
    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap_or_default()
    }
}

/// Changes a valid input after the byte of its kind.
fn mutate(input: &mut Vec<u8>, chance: &mut Chance) {
    for _ in 0..=chance.below(4) {
        let at = 1 + chance.below(input.len());
        match chance.below(6) {
            0 => input.truncate(at),
            1 => {
                let end = (at + chance.below(8)).min(input.len());
                input.drain(at..end);
            }
            2 => {
                let word = WORDS[chance.below(WORDS.len())];
                input.splice(at..at, word.iter().copied());
            }
            3 if at < input.len() => input[at] ^= 1 << chance.below(8),
            4 => input.insert(at, (chance.next() & 0xff) as u8),
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
        let mut chance = Chance(number);
        for _ in 0..INPUTS {
            let mut input = seed.to_vec();
            mutate(&mut input, &mut chance);
            properties::check(&input);
        }
    }
}
