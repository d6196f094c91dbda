//! A virtual machine as plain data, and QEMU's command line for it.
//!
//! Scenarios name only what differs: `Machine { memory_mib: 32, ..DEFAULT }`. Options are those of QEMU 7.2
//! (qemu-system-x86_64(1)).

use crate::error::{Result, ensure};
use crate::settings::Settings;

/// Where the kernel looks for options in addition to those from GRUB.
const CMDLINE_FILE: &str = "opt/tally/cmdline";

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Firmware {
    Bios,
    Uefi,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Clock {
    /// The host's time.
    Real,
    /// One instruction is one nanosecond, and idle time is skipped: the same figures in every run.
    Instructions,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum OnReset {
    /// Like a real computer.
    Reboot,
    /// QEMU ends: a triple fault can't hide in a reboot loop.
    End,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Medium {
    Disc,
    /// The same file, on a USB stick.
    Stick,
}

/// Which kernel is on the medium.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Image {
    /// With self-tests, benchmarks and demonstration bugs.
    Lab,
    /// Without.
    Product,
}

/// Where a machine's memory lies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layout {
    /// As the board has it: from 0 up, and what does not fit below the devices from 4 GiB up.
    Plain,
    /// The same, with memory of the host's for those pages alone that are touched, however much the machine has.
    Sparse,
    /// So many mebibytes from 0 up, and the rest at 1 TiB, where AMD's address translation leaves room. Takes a `q35` board
    /// and a CPU of AMD's with 48 bits of physical addresses.
    FarUp {
        /// Mebibytes from 0 up.
        low_mib: u64,
    },
}

/// One machine. The strings are QEMU's values for the option named.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Machine<'a> {
    pub(crate) firmware: Firmware,
    /// `-machine`
    pub(crate) board: &'a str,
    /// `-cpu`
    pub(crate) cpu: &'a str,
    pub(crate) memory_mib: u64,
    pub(crate) layout: Layout,
    /// `-vga`
    pub(crate) vga: &'a str,
    /// Is there a COM1?
    pub(crate) has_serial: bool,
    /// Is there a COM2, which writes to a file among the logs?
    pub(crate) has_data_line: bool,
    /// Is there a virtio console, which writes to a file among the logs?
    pub(crate) has_virtio_console: bool,
    /// Words added to the kernel's command line.
    pub(crate) cmdline: &'a str,
    pub(crate) image: Image,
    pub(crate) medium: Medium,
    pub(crate) clock: Clock,
    pub(crate) on_reset: OnReset,
    /// `-device`, once for each
    pub(crate) devices: &'a [&'a str],
}

/// The machine that a scenario varies.
pub(crate) const DEFAULT: Machine<'static> = Machine {
    firmware: Firmware::Bios,
    board: "pc",
    cpu: "qemu64",
    memory_mib: 256,
    layout: Layout::Plain,
    vga: "std",
    has_serial: true,
    has_data_line: false,
    has_virtio_console: false,
    cmdline: "",
    image: Image::Lab,
    medium: Medium::Disc,
    clock: Clock::Real,
    on_reset: OnReset::End,
    devices: &[],
};

impl Machine<'_> {
    /// QEMU's options, except those for display, serial port and monitor, which depend on who watches.
    pub(crate) fn options(&self, settings: &Settings) -> Result<Vec<String>> {
        let mut options: Vec<String> = Vec::new();
        let mut add = |words: &[&str]| options.extend(words.iter().map(ToString::to_string));
        add(&["-no-user-config", "-nodefaults", "-name", "tally"]);
        add(&["-cpu", self.cpu, "-accel", &settings.accelerator, "-vga", self.vga]);
        let (board, mebibytes) = (self.board, self.memory_mib);
        match self.layout {
            Layout::Plain => add(&["-machine", board, "-m", &mebibytes.to_string()]),
            Layout::Sparse => add(&[
                "-machine",
                &format!("{board},memory-backend=ram"),
                "-m",
                &mebibytes.to_string(),
                "-object",
                &format!("memory-backend-ram,id=ram,size={mebibytes}M,reserve=off"),
            ]),
            // With room for more memory than lies below it, the board moves all of it above the gap that AMD has below 1 TiB.
            Layout::FarUp { low_mib } => add(&[
                "-machine",
                &format!("{board},max-ram-below-4g={low_mib}M"),
                "-m",
                &format!("{mebibytes},slots=1,maxmem=1100G"),
            ]),
        }
        if self.firmware == Firmware::Uefi {
            add(&["-bios", &settings.ovmf()?.display().to_string()]);
        }
        if !self.cmdline.is_empty() {
            // A comma ends a sub-option unless it is doubled.
            let cmdline = self.cmdline.replace(',', ",,");
            add(&["-fw_cfg", &format!("name={CMDLINE_FILE},string={cmdline}")]);
        }
        if self.clock == Clock::Instructions {
            add(&["-icount", "shift=0,sleep=off"]);
        }
        if self.on_reset == OnReset::End {
            add(&["-no-reboot"]);
        }
        for device in self.devices {
            add(&["-device", device]);
        }
        let iso = match self.image {
            Image::Lab => settings.iso(),
            Image::Product => settings.product_iso(),
        };
        ensure!(iso.exists(), "{} is not there: run `make iso product`", iso.display());
        let iso = iso.display().to_string();
        match self.medium {
            Medium::Disc => add(&["-boot", "d", "-cdrom", &iso]),
            Medium::Stick => {
                add(&[
                    "-drive",
                    &format!("if=none,id=stick,format=raw,readonly=on,file={}", iso.replace(',', ",,")),
                ]);
                add(&["-device", "usb-ehci", "-device", "usb-storage,drive=stick,bootindex=1"]);
            }
        }
        Ok(options)
    }
}
