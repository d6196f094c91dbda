//! Dates as text.

use core::fmt;

use time::UtcDateTime;

/// Seconds since 1970-01-01 00:00 UTC, shown as `2026-11-25 21:38`; beyond the year 9999 as `@` and the number of seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub u64);

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let date =
            i64::try_from(self.0).ok().and_then(|seconds| UtcDateTime::from_unix_timestamp(seconds).ok());
        let Some(date) = date else { return write!(out, "@{}", self.0) };
        let (year, month, day) = (date.year(), u8::from(date.month()), date.day());
        write!(out, "{year:04}-{month:02}-{day:02} {:02}:{:02}", date.hour(), date.minute())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_dates() {
        for (seconds, text) in [
            (0, "1970-01-01 00:00"),
            (951_782_399, "2000-02-28 23:59"),
            (951_782_400, "2000-02-29 00:00"),
            (1_709_251_199, "2024-02-29 23:59"),
            (1_795_642_680, "2026-11-25 21:38"),
            (4_107_542_400, "2100-03-01 00:00"),
            (253_402_300_799, "9999-12-31 23:59"),
            (253_402_300_800, "@253402300800"),
            (u64::MAX, "@18446744073709551615"),
        ] {
            assert_eq!(Date(seconds).to_string(), text);
        }
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let parts = |days: u64| {
            let text = Date(days * 86_400).to_string();
            let mut numbers = text.split(['-', ' ']).map_while(|part| part.parse::<u64>().ok());
            (numbers.next().unwrap(), numbers.next().unwrap(), numbers.next().unwrap())
        };
        let mut before = parts(0);
        for days in 1..200_000 {
            let (year, month, day) = parts(days);
            let is_next = (year, month, day) == (before.0, before.1, before.2 + 1)
                || (day == 1 && (year, month) == (before.0, before.1 + 1))
                || (day == 1 && month == 1 && before.1 == 12 && year == before.0 + 1);
            assert!(is_next, "{before:?} is followed by {year}-{month}-{day}");
            before = (year, month, day);
        }
    }
}
