//! The registers of a PC's real-time clock, converted to seconds since 1970.
//!
//! Only the arithmetic is here; the kernel reads the chip. Source: Motorola MC146818 data sheet (registers and their
//! encodings).

use core::fmt;

use time::{Date, Month, Time, UtcDateTime, error::ComponentRange};

/// Bits of the chip's register B.
const HOURS_24: u8 = 1 << 1;
const BINARY: u8 = 1 << 2;
/// Set in the hours' register in the afternoon, where they count to 12.
const AFTERNOON: u8 = 1 << 7;

/// The chip's registers, as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClockRegisters {
    /// Seconds, minutes, hours, day of the month, month, year of the century, century.
    pub fields: [u8; 7],
    /// Register B: how the fields are encoded.
    pub coding: u8,
}

/// Why registers hold no valid time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClockError {
    /// A register in BCD encoding does not hold two decimal digits.
    NotDecimal(u8),
    /// An hour outside of 1 to 12, on a 12-hour clock.
    NoHour(u8),
    /// A field that is out of range.
    Range(ComponentRange),
    /// A year before 1970.
    TooEarly(i32),
}

impl fmt::Display for ClockError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotDecimal(register) => write!(out, "{register:#04x} is not two decimal digits"),
            Self::NoHour(hour) => write!(out, "hour {hour} is out of range on a 12-hour clock"),
            Self::Range(error) => write!(out, "{} is out of range", error.name()),
            Self::TooEarly(year) => write!(out, "year {year} is before 1970"),
        }
    }
}

impl From<ComponentRange> for ClockError {
    fn from(error: ComponentRange) -> Self {
        Self::Range(error)
    }
}

impl ClockRegisters {
    /// Seconds since the start of 1970. If the century is none of 19 to 21, 20 is assumed.
    ///
    /// # Errors
    ///
    /// [`ClockError`]
    pub fn unix_seconds(self) -> Result<u64, ClockError> {
        let [seconds, minutes, hours, day, month, year, century] = self.fields;
        let century = self.number(century).ok().filter(|century| (19..=21).contains(century)).unwrap_or(20);
        let year_of_century = i32::from(self.number(year)?);
        let year = i32::from(century).saturating_mul(100).saturating_add(year_of_century);
        let month = Month::try_from(self.number(month)?)?;
        let date = Date::from_calendar_date(year, month, self.number(day)?)?;
        let time = Time::from_hms(self.hour(hours)?, self.number(minutes)?, self.number(seconds)?)?;
        let seconds = UtcDateTime::new(date, time).unix_timestamp();
        u64::try_from(seconds).map_err(|_| ClockError::TooEarly(year))
    }

    /// The hour, from 0 on.
    fn hour(self, register: u8) -> Result<u8, ClockError> {
        if self.coding & HOURS_24 != 0 {
            return self.number(register);
        }
        let is_afternoon = register & AFTERNOON != 0;
        match (self.number(register & !AFTERNOON)?, is_afternoon) {
            (12, false) => Ok(0),
            (12, true) => Ok(12),
            (hour @ 1..=11, false) => Ok(hour),
            (hour @ 1..=11, true) => Ok(hour.saturating_add(12)),
            (hour, _) => Err(ClockError::NoHour(hour)),
        }
    }

    /// The value of a field: binary, or two decimal digits (BCD).
    fn number(self, field: u8) -> Result<u8, ClockError> {
        let (tens, ones) = (field >> 4, field & 0xf);
        match self.coding & BINARY != 0 {
            true => Ok(field),
            false if tens < 10 && ones < 10 => Ok(tens.saturating_mul(10).saturating_add(ones)),
            false => Err(ClockError::NotDecimal(field)),
        }
    }
}

/// Decodes the register of seconds, by register B; `None` if it is not 0 to 59.
pub fn second_of(register: u8, coding: u8) -> Option<u8> {
    let registers = ClockRegisters { fields: [register, 0, 0, 0, 0, 0, 0], coding };
    registers.number(register).ok().filter(|second| *second < 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(fields: [u8; 7], coding: u8) -> Option<u64> {
        ClockRegisters { fields, coding }.unix_seconds().ok()
    }

    #[test]
    fn known_times_are_right() {
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

    #[test]
    fn error_names_what_is_wrong() {
        for (fields, coding, text) in [
            ([0, 0, 0, 1, 13, 70, 19], HOURS_24 | BINARY, "month is out of range"),
            ([0, 0, 0, 30, 2, 24, 20], HOURS_24 | BINARY, "day is out of range"),
            ([0, 0, 24, 1, 1, 70, 19], HOURS_24 | BINARY, "hour is out of range"),
            ([0, 0, 13, 1, 1, 70, 19], BINARY, "hour 13 is out of range on a 12-hour clock"),
            ([0x0a, 0, 0, 1, 1, 0x24, 0x20], HOURS_24, "0x0a is not two decimal digits"),
            ([0, 0, 0, 1, 1, 69, 19], HOURS_24 | BINARY, "year 1969 is before 1970"),
        ] {
            let error = ClockRegisters { fields, coding }.unix_seconds().unwrap_err();
            assert_eq!(error.to_string(), text);
        }
    }

    #[test]
    fn second_is_one_of_sixty() {
        for (register, coding, second) in [
            (0x59, 0, Some(59)),
            (59, BINARY, Some(59)),
            (0x60, 0, None),
            (0x0a, 0, None),
            (60, BINARY, None),
        ] {
            assert_eq!(second_of(register, coding), second);
        }
    }

    #[test]
    fn any_registers_get_an_answer() {
        for register in 0..=u8::MAX {
            for place in 0..7 {
                for coding in 0..8 {
                    let mut fields = [1; 7];
                    fields[place] = register;
                    let _ = ClockRegisters { fields, coding }.unix_seconds();
                }
            }
        }
    }
}
