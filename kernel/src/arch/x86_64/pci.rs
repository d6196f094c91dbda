//! PCI: the configuration space of devices, by its two ports, and a search over all buses.
//!
//! Only the boot uses it, before the first interrupt handler that could come in between. Source: PCI Local Bus
//! Specification 3.0, section 3.2.2.3.2; the registers of devices are the crate `virtio-drivers`' affair.

use arrayvec::ArrayVec;
use virtio_drivers::transport::pci::bus::{
    ConfigurationAccess, DeviceFunction, DeviceFunctionInfo, HeaderType, PciRoot,
};
use x86::io::{inl, outl};

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
const ENABLE: u32 = 1 << 31;
/// Of a bridge: the numbers of the buses on both sides, that of the far one in the second byte.
const BUS_NUMBERS: u8 = 0x18;
const MAX_BUSES: usize = 256;

/// The two ports.
#[derive(Debug)]
pub(super) struct Ports;

impl Ports {
    fn select(function: DeviceFunction, register: u8) {
        let DeviceFunction { bus, device, function } = function;
        let place = u32::from(bus) << 16 | u32::from(device) << 11 | u32::from(function) << 8;
        // SAFETY: the configuration address port, of which only this file knows.
        unsafe { outl(ADDRESS, ENABLE | place | u32::from(register & !3)) };
    }
}

impl ConfigurationAccess for Ports {
    fn read_word(&self, function: DeviceFunction, register: u8) -> u32 {
        Self::select(function, register);
        // SAFETY: without a device, or without PCI, all bits are ones.
        unsafe { inl(DATA) }
    }

    fn write_word(&mut self, function: DeviceFunction, register: u8, word: u32) {
        Self::select(function, register);
        // SAFETY: the caller is the driver of this device.
        unsafe { outl(DATA, word) };
    }

    unsafe fn unsafe_clone(&self) -> Self {
        Self
    }
}

/// The first device function for which `is_wanted` holds, on bus 0 or behind its bridges.
pub(super) fn find(is_wanted: impl Fn(&DeviceFunctionInfo) -> bool) -> Option<DeviceFunction> {
    let root = PciRoot::new(Ports);
    let mut buses: ArrayVec<u8, MAX_BUSES> = ArrayVec::new();
    buses.push(0);
    let mut looked_at = 0;
    while let Some(bus) = buses.get(looked_at).copied() {
        looked_at += 1;
        for (function, info) in root.enumerate_bus(bus) {
            if is_wanted(&info) {
                return Some(function);
            }
            let far_bus = (Ports.read_word(function, BUS_NUMBERS) >> 8) as u8;
            if info.header_type == HeaderType::PciPciBridge && !buses.contains(&far_bus) {
                buses.push(far_bus);
            }
        }
    }
    None
}
