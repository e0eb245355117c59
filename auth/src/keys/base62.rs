//! Numbers in the digits `0-9A-Za-z`, padded to a fixed width: a double click selects a whole key,
//! and no character needs escaping in a URL, a shell or a header.

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writes 256 bits, read as one big-endian integer, as 43 digits (62⁴³ > 2²⁵⁶ > 62⁴²).
pub(super) fn encode_256(bytes: &[u8; 32], digits: &mut [u8; 43]) {
    let mut number = *bytes;
    for digit in digits.iter_mut().rev() {
        // Long division of the whole number by 62; the remainder is the next digit.
        let mut remainder = 0_u16;
        for byte in &mut number {
            let value = (remainder << 8) | u16::from(*byte);
            *byte =
                u8::try_from(value / 62).expect("the remainder is below 62, so this is below 256");
            remainder = value % 62;
        }
        *digit = DIGITS[usize::from(remainder)];
    }
}

/// Writes 32 bits as 6 digits (62⁶ > 2³²).
pub(super) fn encode_32(mut number: u32) -> [u8; 6] {
    let mut digits = [0; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: [u8; 32]) -> String {
        let mut digits = [0; 43];
        encode_256(&bytes, &mut digits);
        String::from_utf8(digits.to_vec()).unwrap()
    }

    fn small(number: u8) -> [u8; 32] {
        let mut bytes = [0; 32];
        bytes[31] = number;
        bytes
    }

    #[test]
    fn digits_are_big_endian_and_padded() {
        assert_eq!(text(small(0)), "0".repeat(43));
        assert_eq!(text(small(61)), format!("{}z", "0".repeat(42)));
        assert_eq!(text(small(62)), format!("{}10", "0".repeat(41)));
        assert_eq!(&encode_32(0), b"000000");
        assert_eq!(&encode_32(62 * 62 + 10), b"00010A");
    }

    #[test]
    fn the_largest_numbers_fit_and_read_back() {
        let read = |digits: &[u8]| {
            digits.iter().fold(0_u128, |sum, digit| {
                let value = DIGITS.iter().position(|d| d == digit).unwrap();
                sum * 62 + value as u128
            })
        };
        assert_eq!(read(&encode_32(u32::MAX)), u128::from(u32::MAX));

        // 2²⁵⁶ - 1 read back modulo 2¹²⁸ is all ones.
        let digits = text([0xff; 32]);
        let wrapped = digits.bytes().fold(0_u128, |sum, digit| {
            let value = DIGITS.iter().position(|d| *d == digit).unwrap();
            sum.wrapping_mul(62).wrapping_add(value as u128)
        });
        assert_eq!(wrapped, u128::MAX);
    }
}
