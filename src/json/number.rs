//! Numbers, and arrays of numbers.

use super::cost;
use super::value::{Json, Kind};
use memchr::{memchr_iter, memchr3};
use std::str::FromStr;

impl<'a> Json<'a> {
    /// Returns the numbers of an array. Returns None for another kind of value, and for an array that has other
    /// elements.
    pub fn numbers(self) -> Option<Numbers<'a>> {
        if self.kind() != Kind::Array {
            return None;
        }
        cost::read(self.text.len());
        let inside = &self.text[1..self.text.len() - 1];
        let bytes = inside.as_bytes();
        // An element that is not a number begins with one of these bytes, and no number holds one.
        if memchr3(b'"', b'[', b'{', bytes).or_else(|| memchr3(b't', b'f', b'n', bytes)).is_some() {
            return None;
        }
        let empty = inside.trim_ascii().is_empty();
        Some(Numbers { inside, count: if empty { 0 } else { memchr_iter(b',', bytes).count() + 1 } })
    }

    /// Returns a number, rounded to the nearest double.
    pub fn f64(self) -> Option<f64> {
        (self.kind() == Kind::Number).then(|| self.text.parse().ok()).flatten()
    }

    /// Returns a whole number that fits: 3, 3.0 and 3e2, but neither 3.5 nor 2^63. The result is exact, also beyond the
    /// precision of a double.
    pub fn i64(self) -> Option<i64> {
        if let Ok(integer) = self.text.parse() {
            return Some(integer);
        }
        if self.kind() != Kind::Number {
            return None;
        }
        let (mantissa, exponent) = self.text.split_once(['e', 'E']).unwrap_or((self.text, "0"));
        let (integer, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let (sign, integer) = integer.strip_prefix('-').map_or((1, integer), |integer| (-1, integer));
        let digits = integer
            .bytes()
            .chain(fraction.bytes())
            .try_fold(0_i128, |number, digit| number.checked_mul(10)?.checked_add(i128::from(digit - b'0') * sign))?;
        // The exponent must compensate for the digits of the fraction.
        let scale = exponent.parse::<i32>().ok()?.checked_sub(i32::try_from(fraction.len()).ok()?)?;
        if digits == 0 {
            return Some(0);
        }
        let power = 10_i128.checked_pow(scale.unsigned_abs())?;
        let number = match scale {
            0.. => digits.checked_mul(power)?,
            _ if digits % power == 0 => digits / power,
            _ => return None,
        };
        number.try_into().ok()
    }
}

/// The numbers of an array.
#[derive(Clone, Debug)]
pub struct Numbers<'a> {
    inside: &'a str,
    count: usize,
}

impl<'a> Numbers<'a> {
    /// Returns how many numbers there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns each number, rounded to the nearest value of the type. A number beyond its range is infinite.
    pub fn values<T: FromStr + 'a>(&self) -> impl Iterator<Item = T> {
        self.inside.split(',').take(self.count).filter_map(|number| number.trim_ascii().parse().ok())
    }
}
