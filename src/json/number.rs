//! Numbers, one by one and by the array.

use crate::json::{Json, Kind, effort};
use memchr::{memchr_iter, memchr3};
use std::str::FromStr;

impl<'a> Json<'a> {
    /// The numbers of an array, as they are written. None for another kind, and where something else stands among
    /// them.
    pub fn numbers(self) -> Option<Numbers<'a>> {
        if self.kind() != Kind::Array {
            return None;
        }
        effort::spend(self.text.len());
        let inside = &self.text[1..self.text.len() - 1];
        let bytes = inside.as_bytes();
        // Everything else that an array can hold begins with one of these.
        if memchr3(b'"', b'[', b'{', bytes).or_else(|| memchr3(b't', b'f', b'n', bytes)).is_some() {
            return None;
        }
        let empty = inside.trim_ascii().is_empty();
        Some(Numbers { inside, count: if empty { 0 } else { memchr_iter(b',', bytes).count() + 1 } })
    }

    pub fn f64(self) -> Option<f64> {
        (self.kind() == Kind::Number).then(|| self.text.parse().ok()).flatten()
    }

    /// A number that is whole and fits: 3, 3.0 and 3e2, but neither 3.5 nor 2^63. Exact, also where a double is not.
    pub fn i64(self) -> Option<i64> {
        if let Ok(whole) = self.text.parse() {
            return Some(whole);
        }
        if self.kind() != Kind::Number {
            return None;
        }
        let (mantissa, exponent) = self.text.split_once(['e', 'E']).unwrap_or((self.text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let (sign, whole) = whole.strip_prefix('-').map_or((1, whole), |whole| (-1, whole));
        let digits = whole
            .bytes()
            .chain(fraction.bytes())
            .try_fold(0_i128, |number, digit| number.checked_mul(10)?.checked_add(i128::from(digit - b'0') * sign))?;
        // What the decimal point hides has to be made up for by the exponent.
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

/// See [`Json::numbers`].
#[derive(Clone, Debug)]
pub struct Numbers<'a> {
    inside: &'a str,
    count: usize,
}

impl<'a> Numbers<'a> {
    /// How many there are.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Each of them, rounded to the nearest value of the type; what is beyond its range is infinite.
    pub fn values<T: FromStr + 'a>(&self) -> impl Iterator<Item = T> {
        self.inside.split(',').take(self.count).filter_map(|number| number.trim_ascii().parse().ok())
    }
}
