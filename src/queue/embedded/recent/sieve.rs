//! Which keys may be in a table, so that it is not searched for the many that are not.

use super::Key;

/// So many places for each key leave one unknown key in sixteen to be searched for in vain.
const PLACES_A_KEY: usize = 16;
/// At least this many, in bits: one mebibyte, of which only what is used is memory.
const LEAST_PLACES: usize = 8 * 1024 * 1024;

/// One bit for each of many places. A key's place is told by its first bytes: keys are hashes, and spread evenly.
#[derive(Debug)]
pub struct Sieve {
    bits: Vec<u64>,
    taken: usize,
}

impl Sieve {
    /// An empty one, for so many keys and some more.
    pub fn for_keys(keys: usize) -> Self {
        let places = keys.saturating_mul(PLACES_A_KEY).max(LEAST_PLACES);
        Self {
            bits: vec![0; places.div_ceil(64).next_power_of_two()],
            taken: 0,
        }
    }

    pub fn add(&mut self, key: &Key) {
        let (word, bit) = self.place(key);
        if let Some(word) = self.bits.get_mut(word).filter(|word| **word & bit == 0) {
            *word |= bit;
            self.taken += 1;
        }
    }

    /// `false`: the key was never added.
    pub fn may_have(&self, key: &Key) -> bool {
        let (word, bit) = self.place(key);
        self.bits.get(word).is_none_or(|word| word & bit != 0)
    }

    /// Adds all keys of another one of the same size.
    pub fn unite(&mut self, other: &Sieve) {
        for (mine, theirs) in self.bits.iter_mut().zip(&other.bits) {
            *mine |= theirs;
        }
        self.taken = self
            .bits
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum();
    }

    /// So many places are taken that one unknown key in four is searched for in vain.
    pub fn is_crowded(&self) -> bool {
        self.taken >= self.bits.len() * 64 / 4
    }

    fn place(&self, key: &Key) -> (usize, u64) {
        let [a, b, c, d, e, f, g, h, ..] = *key;
        let place = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        let word = (place >> 6) as usize & (self.bits.len() - 1);
        (word, 1 << (place & 63))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u64) -> Key {
        // Spread as a hash would.
        let bits = u128::from(n).wrapping_mul(0x9E37_79B9_7F4A_7C15_F39C_C060_5CED_C835);
        bits.to_be_bytes()
    }

    #[test]
    fn what_was_added_is_never_ruled_out_and_most_of_the_rest_is() {
        const MANY: u64 = 600_000;
        let (mut one, mut other) = (
            Sieve::for_keys(MANY as usize),
            Sieve::for_keys(MANY as usize),
        );
        (0..MANY / 2).for_each(|n| one.add(&key(n)));
        (MANY / 2..MANY).for_each(|n| other.add(&key(n)));
        one.unite(&other);
        assert!((0..MANY).all(|n| one.may_have(&key(n))));
        let in_vain = (MANY..2 * MANY).filter(|n| one.may_have(&key(*n))).count();
        assert!(in_vain < MANY as usize / 12, "{in_vain}");
        assert!(!one.is_crowded());
    }

    #[test]
    fn with_more_keys_than_it_was_made_for_it_is_crowded() {
        let mut sieve = Sieve::for_keys(0);
        let full = LEAST_PLACES as u64 / 3;
        (0..full).for_each(|n| sieve.add(&key(n)));
        assert!(sieve.is_crowded());
    }
}
