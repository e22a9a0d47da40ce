//! A text as a part of a whole, as each generation of flagd's `fractional` computes it.

use crate::stack::HashGeneration;

/// The part below `total` that `text` falls into.
///
/// `(hash * total) >> 32` over 64 bits: flagd core 0.16.1, `core/pkg/evaluator/fractional.go`, and
/// `openfeature-flagd-core` 1.0.0 and 2.0.0.
pub fn part_of(generation: HashGeneration, text: &str, total: u32) -> u32 {
    let product = u64::from(hash(generation, text)) * u64::from(total);
    // At most `total - 1`, so nothing is cut off.
    (product >> 32) as u32
}

/// The hash of `text`: v2 of its UTF-8, v3 of its canonical CBOR (RFC 8949, section 4.2.1).
pub fn hash(generation: HashGeneration, text: &str) -> u32 {
    match generation {
        HashGeneration::V2 => murmur3(text.as_bytes()),
        HashGeneration::V3 => murmur3(&cbor(text)),
    }
}

/// A text string in canonical CBOR: major type 3 with its length in the fewest bytes, then its UTF-8.
fn cbor(text: &str) -> Vec<u8> {
    let length = text.len() as u64;
    let bytes = length.to_be_bytes();
    let mut item = Vec::with_capacity(text.len() + 9);
    match length {
        0..24 => item.push(0x60 | bytes[7]),
        24..0x100 => item.extend([0x78, bytes[7]]),
        0x100..0x1_0000 => item.extend([0x79, bytes[6], bytes[7]]),
        0x1_0000..0x1_0000_0000 => item.extend([0x7a, bytes[4], bytes[5], bytes[6], bytes[7]]),
        _ => {
            item.push(0x7b);
            item.extend(bytes);
        }
    }
    item.extend(text.as_bytes());
    item
}

/// MurmurHash3, the variant for x86 with 32 bits, seed 0 (Austin Appleby, public domain).
fn murmur3(bytes: &[u8]) -> u32 {
    let scramble = |block: u32| block.wrapping_mul(0xcc9e_2d51).rotate_left(15).wrapping_mul(0x1b87_3593);
    let (blocks, tail) = bytes.as_chunks::<4>();
    let mut hash = 0_u32;
    for block in blocks {
        hash = (hash ^ scramble(u32::from_le_bytes(*block))).rotate_left(13).wrapping_mul(5).wrapping_add(0xe654_6b64);
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0_u32, |block, byte| block << 8 | u32::from(*byte));
        hash ^= scramble(last);
    }
    // The length counts modulo 2^32, as in the published code.
    hash ^= bytes.len() as u32;
    hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    hash = (hash ^ hash >> 13).wrapping_mul(0xc2b2_ae35);
    hash ^ hash >> 16
}

#[cfg(test)]
mod tests {
    use super::{cbor, hash, murmur3, part_of};
    use crate::stack::HashGeneration::{V2, V3};

    /// Vectors that implementations of MurmurHash3 publish, with seed 0.
    #[test]
    fn murmur3_gives_the_published_hashes() {
        let vectors: [(&[u8], u32); 8] = [
            (b"", 0),
            (b"test", 0xba6b_d213),
            (b"Hello, world!", 0xc036_3e43),
            (b"The quick brown fox jumps over the lazy dog", 0x2e4f_f723),
            (&[0x21, 0x43, 0x65, 0x87], 0xf55b_516b),
            (&[0x21, 0x43, 0x65], 0x7e4a_8634),
            (&[0x21, 0x43], 0xa0f7_b07a),
            (&[0x21], 0x7266_1cf4),
        ];
        for (bytes, expected) in vectors {
            assert_eq!(murmur3(bytes), expected, "{bytes:?}");
        }
    }

    /// What `@openfeature/flagd-core` 4.0.1 and `openfeature-flagd-core` 2.0.0 hash for the flag
    /// `answer-prompt` and the user `user-0`.
    #[test]
    fn both_generations_give_the_hashes_of_flagd() {
        assert_eq!(hash(V2, "answer-promptuser-0"), 3_181_865_545);
        assert_eq!(hash(V3, "answer-promptuser-0"), 3_368_934_993);
    }

    /// RFC 8949, appendix A, and each boundary of a length.
    #[test]
    fn a_text_is_the_shortest_cbor() {
        assert_eq!(cbor(""), [0x60]);
        assert_eq!(cbor("IETF"), [0x64, 0x49, 0x45, 0x54, 0x46]);
        assert_eq!(cbor("\u{6c34}"), [0x63, 0xe6, 0xb0, 0xb4]);
        for (length, head) in [
            (23, vec![0x77]),
            (24, vec![0x78, 24]),
            (255, vec![0x78, 255]),
            (256, vec![0x79, 1, 0]),
            (65_535, vec![0x79, 255, 255]),
            (65_536, vec![0x7a, 0, 1, 0, 0]),
        ] {
            let item = cbor(&"a".repeat(length));
            assert_eq!((item.len(), &item[..head.len()]), (head.len() + length, head.as_slice()), "{length}");
        }
    }

    #[test]
    fn a_part_is_below_the_total() {
        for total in [1, 2, 100, 10_000, i32::MAX as u32] {
            for user in 0..1000 {
                assert!(part_of(V2, &format!("user-{user}"), total) < total);
            }
        }
    }
}
