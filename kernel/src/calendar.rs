//! Calendar time: what a clock chip's registers say, as seconds since 1970.
//!
//! Here is only arithmetic; the chip is read in `arch`. Sources: Motorola MC146818 data sheet (registers and
//! their codings); the day count follows the Gregorian calendar.

/// Bits of the chip's register B.
const HOURS_24: u8 = 1 << 1;
const BINARY: u8 = 1 << 2;
/// Set in the hours' register in the afternoon, where they count to 12.
const AFTERNOON: u8 = 1 << 7;

/// The chip's registers, as they stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ClockRegisters {
    /// Seconds, minutes, hours, day of the month, month, year of the century, century.
    pub(crate) fields: [u8; 7],
    /// Register B: how the fields are coded.
    pub(crate) coding: u8,
}

impl ClockRegisters {
    /// Seconds since the start of 1970; `None` if the fields are no time. A century that is none is taken for the
    /// 21st.
    pub(crate) fn unix_seconds(self) -> Option<u64> {
        let [seconds, minutes, hours, day, month, year, century] = self.fields;
        let afternoon = if self.coding & HOURS_24 == 0 && hours & AFTERNOON != 0 { 12 } else { 0 };
        let hours = match self.number(hours & !AFTERNOON)? {
            hours if self.coding & HOURS_24 != 0 => hours,
            12 => afternoon,
            hours @ 1..=11 => hours + afternoon,
            _ => return None,
        };
        let century = self.number(century).filter(|century| (19..=21).contains(century)).unwrap_or(20);
        let year = century * 100 + self.number(year)?;
        let (month, day) = (self.number(month)?, self.number(day)?);
        let (minutes, seconds) = (self.number(minutes)?, self.number(seconds)?);
        let is_time =
            hours < 24 && minutes < 60 && seconds < 60 && (1..=days_in(month, year)?).contains(&day);
        let days = days_since_1970(year, month, day).filter(|_| is_time)?;
        Some(days * 86_400 + hours * 3600 + minutes * 60 + seconds)
    }

    /// A field's value: binary, or two decimal digits.
    fn number(self, field: u8) -> Option<u64> {
        let (tens, ones) = (field >> 4, field & 0xf);
        if self.coding & BINARY != 0 {
            return Some(field.into());
        }
        (tens < 10 && ones < 10).then(|| u64::from(tens * 10 + ones))
    }
}

fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400)
}

/// The days of a month; `None` if there is no such month.
fn days_in(month: u64, year: u64) -> Option<u64> {
    match month {
        2 => Some(28 + u64::from(is_leap(year))),
        4 | 6 | 9 | 11 => Some(30),
        1..=12 => Some(31),
        _ => None,
    }
}

/// Days from the first of January 1970 to a day that the calendar has.
fn days_since_1970(year: u64, month: u64, day: u64) -> Option<u64> {
    let years = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum::<u64>();
    let months = (1..month).filter_map(|month| days_in(month, year)).sum::<u64>();
    (year >= 1970).then(|| years + months + day - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(fields: [u8; 7], coding: u8) -> Option<u64> {
        ClockRegisters { fields, coding }.unix_seconds()
    }

    #[test]
    fn known_moments_are_right() {
        assert_eq!(seconds([0, 0, 0, 1, 1, 70, 19], HOURS_24 | BINARY), Some(0));
        // 2024-02-29 23:59:58, in decimal digits.
        assert_eq!(seconds([0x58, 0x59, 0x23, 0x29, 0x02, 0x24, 0x20], HOURS_24), Some(1_709_251_198));
        assert_eq!(seconds([59, 59, 23, 31, 12, 99, 20], HOURS_24 | BINARY), Some(4_102_444_799));
    }

    #[test]
    fn twelve_hour_clock_knows_noon_and_midnight() {
        for (register, hours) in [(0x12, 0), (0x01, 1), (0x11, 11), (0x92, 12), (0x81, 13), (0x91, 23)] {
            assert_eq!(seconds([0, 0, register, 1, 1, 0x70, 0x19], 0), Some(hours * 3600), "{register:#x}");
        }
        assert_eq!(seconds([0, 0, 0, 1, 1, 0x70, 0x19], 0), None);
    }

    #[test]
    fn nonsense_is_no_time() {
        for fields in
            [[60, 0, 0, 1, 1, 70, 19], [0, 0, 0, 30, 2, 24, 20], [0, 0, 0, 1, 13, 24, 20], [0xff; 7]]
        {
            assert_eq!(seconds(fields, HOURS_24 | BINARY), None, "{fields:?}");
        }
        assert_eq!(seconds([0x0a, 0, 0, 1, 1, 0x24, 0x20], HOURS_24), None);
        // A chip without a century.
        assert_eq!(seconds([0, 0, 0, 1, 1, 0, 0xff], HOURS_24 | BINARY), Some(946_684_800));
    }
}
