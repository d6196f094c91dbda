//! Points in time as people read them.

use core::fmt;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

/// Seconds since 1970-01-01 00:00 UTC, shown as `2026-11-25 21:38`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date(pub u64);

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil(self.0 / DAY);
        let minutes = self.0 % DAY / MINUTE;
        write!(out, "{year:04}-{month:02}-{day:02} {:02}:{:02}", minutes / 60, minutes % 60)
    }
}

/// Year, month and day, `days` after 1970-01-01.
///
/// Years are counted from March, so that the leap day is a year's last, in eras of 400 years, which all have
/// the same number of days. Source: H. Hinnant, chrono-Compatible Low-Level Date Algorithms, 2013.
fn civil(days: u64) -> (u64, u64, u64) {
    const ERA_DAYS: u64 = 146_097;
    /// From 0000-03-01 to 1970-01-01.
    const EPOCH: u64 = 719_468;
    let days = days + EPOCH;
    let (era, day_of_era) = (days / ERA_DAYS, days % ERA_DAYS);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day)
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
        ] {
            assert_eq!(Date(seconds).to_string(), text);
        }
        // No second makes it fail.
        let _ = Date(u64::MAX).to_string();
    }

    #[test]
    fn every_day_follows_the_one_before() {
        let mut before = civil(0);
        for days in 1..200_000 {
            let (year, month, day) = civil(days);
            let is_next = (year, month, day) == (before.0, before.1, before.2 + 1)
                || (day == 1 && (year, month) == (before.0, before.1 + 1))
                || (day == 1 && month == 1 && before.1 == 12 && year == before.0 + 1);
            assert!(is_next, "{before:?} is followed by {year}-{month}-{day}");
            before = (year, month, day);
        }
    }
}
