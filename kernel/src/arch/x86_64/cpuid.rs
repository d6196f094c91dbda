//! Information about the CPU, from its instruction CPUID.
//!
//! Sources: Intel SDM vol. 2A, CPUID; AMD APM vol. 3, appendix E. The flags' names and their order are those of
//! Linux (arch/x86/include/asm/cpufeatures.h); flags that it makes up itself or does not show are left out.

use core::fmt;

use x86::cpuid::CpuIdResult;
use x86::cpuid::native_cpuid::cpuid_count;

const EXTENDED: u32 = 0x8000_0000;
const HYPERVISOR: u32 = 0x4000_0000;
const HYPERVISOR_TIMING: u32 = HYPERVISOR + 0x10;
const MAX_CACHES: u32 = 8;

/// Selects a register of a leaf.
type Register = fn(&CpuIdResult) -> u32;

/// Leaves and registers with flags, and the name of each bit from bit 0 on; `-` where a bit has none.
const FLAGS: [(u32, u32, Register, &str); 11] = [
    (
        1,
        0,
        |leaf| leaf.edx,
        "fpu vme de pse tsc msr pae mce cx8 apic - sep mtrr pge mca cmov pat pse36 pn clflush - dts acpi mmx fxsr \
         sse sse2 ss ht tm ia64 pbe",
    ),
    (
        0x8000_0001,
        0,
        |leaf| leaf.edx,
        "- - - - - - - - - - - syscall - - - - - - - mp nx - mmxext - - fxsr_opt pdpe1gb rdtscp - lm 3dnowext 3dnow",
    ),
    (0x8000_0007, 0, |leaf| leaf.edx, "- - - - - - - - constant_tsc"),
    (0x8000_0007, 0, |leaf| leaf.edx, "- - - - - - - - nonstop_tsc"),
    (
        1,
        0,
        |leaf| leaf.ecx,
        "pni pclmulqdq dtes64 monitor ds_cpl vmx smx est tm2 ssse3 cid sdbg fma cx16 xtpr pdcm - pcid dca sse4_1 \
         sse4_2 x2apic movbe popcnt tsc_deadline_timer aes xsave - avx f16c rdrand hypervisor",
    ),
    (
        0x8000_0001,
        0,
        |leaf| leaf.ecx,
        "lahf_lm cmp_legacy svm extapic cr8_legacy abm sse4a misalignsse 3dnowprefetch osvw ibs xop skinit wdt - \
         lwp fma4 tce - nodeid_msr - tbm topoext perfctr_core perfctr_nb - bpext ptsc perfctr_llc mwaitx",
    ),
    (
        7,
        0,
        |leaf| leaf.ebx,
        "fsgsbase tsc_adjust - bmi1 hle avx2 - smep bmi2 erms invpcid rtm cqm - mpx rdt_a avx512f avx512dq rdseed \
         adx smap avx512ifma - clflushopt clwb intel_pt avx512pf avx512er avx512cd sha_ni avx512bw avx512vl",
    ),
    (0xd, 1, |leaf| leaf.eax, "xsaveopt xsavec xgetbv1 xsaves"),
    (0x8000_0008, 0, |leaf| leaf.ebx, "clzero irperf xsaveerptr - - - - - - wbnoinvd"),
    (6, 0, |leaf| leaf.eax, "dtherm ida arat - pln - pts hwp hwp_notify hwp_act_window hwp_epp hwp_pkg_req"),
    (
        7,
        0,
        |leaf| leaf.ecx,
        "- avx512vbmi umip pku ospke - avx512_vbmi2 - gfni vaes vpclmulqdq avx512_vnni avx512_bitalg tme \
         avx512_vpopcntdq - la57 - - - - - rdpid - - cldemote - movdiri movdir64b",
    ),
];

/// Names of the power management bits, from bit 0 on; bit 8 is shown with the flags instead.
const POWER: &str = "ts fid vid ttp tm stc 100mhzsteps hwpstate - cpb eff_freq_ro proc_feedback acc_power";

/// Information about the CPU.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CpuFacts {
    pub(crate) vendor: Words<3>,
    pub(crate) name: Words<12>,
    pub(crate) family: u32,
    pub(crate) model: u32,
    pub(crate) stepping: u32,
    /// The highest standard leaf.
    pub(crate) level: u32,
    pub(crate) apic_id: u32,
    /// Size of the outermost cache; 0 if there is none or it is unknown.
    pub(crate) cache_kib: u32,
    /// Entries for pages of 4 KiB in the second-level TLB; 0 if unknown.
    pub(crate) tlb_pages: u32,
    pub(crate) clflush_bytes: u32,
    pub(crate) physical_bits: u32,
    pub(crate) virtual_bits: u32,
}

/// Reads CPUID.
pub(crate) fn facts() -> CpuFacts {
    let (basic, version) = (leaf(0, 0), leaf(1, 0));
    let base_family = version.eax >> 8 & 0xf;
    let family = base_family + if base_family == 0xf { version.eax >> 20 & 0xff } else { 0 };
    let high_model = if base_family >= 6 { version.eax >> 16 & 0xf } else { 0 };
    let (caches, sizes) = (leaf(EXTENDED + 6, 0), leaf(EXTENDED + 8, 0).eax);
    let [first, second, third] = [2, 3, 4].map(|number| leaf(EXTENDED + number, 0));
    CpuFacts {
        vendor: Words([basic.ebx, basic.edx, basic.ecx]),
        name: Words([
            first.eax, first.ebx, first.ecx, first.edx, second.eax, second.ebx, second.ecx, second.edx,
            third.eax, third.ebx, third.ecx, third.edx,
        ]),
        family,
        model: high_model << 4 | (version.eax >> 4 & 0xf),
        stepping: version.eax & 0xf,
        level: basic.eax,
        apic_id: version.ebx >> 24,
        cache_kib: largest_cache_kib().unwrap_or(caches.ecx >> 16),
        tlb_pages: (caches.ebx >> 16 & 0xfff) + (caches.ebx & 0xfff),
        clflush_bytes: (version.ebx >> 8 & 0xff) * 8,
        // Without the leaf, the minimum of 64-bit CPUs is assumed.
        physical_bits: if sizes == 0 { 36 } else { sizes & 0xff },
        virtual_bits: if sizes == 0 { 48 } else { sizes >> 8 & 0xff },
    }
}

/// Writes the names of all flags, each after a space.
pub(crate) fn write_flags(out: &mut dyn fmt::Write) -> fmt::Result {
    FLAGS.iter().try_for_each(|(number, part, register, names)| {
        write_set(register(&leaf(*number, *part)), names, out)
    })
}

/// Writes the power management features, each after a space.
pub(crate) fn write_power(out: &mut dyn fmt::Write) -> fmt::Result {
    write_set(leaf(EXTENDED + 7, 0).edx, POWER, out)
}

/// The stated rates of the time stamp counter in counts per second, 0 if not stated: by the hypervisor's timing leaf, by the
/// CPU's leaf for the counter, and the CPU's nominal rate.
pub(super) fn counter_rates() -> [u64; 3] {
    let is_guest = leaf(1, 0).ecx >> 31 != 0;
    let has_timing = is_guest && cpuid_count(HYPERVISOR, 0).eax >= HYPERVISOR_TIMING;
    let guest_khz = if has_timing { cpuid_count(HYPERVISOR_TIMING, 0).eax } else { 0 };
    let crystal = leaf(0x15, 0);
    let product = u64::from(crystal.ecx) * u64::from(crystal.ebx);
    let nominal_mhz = leaf(0x16, 0).eax & 0xffff;
    [
        u64::from(guest_khz) * 1000,
        product.checked_div(crystal.eax.into()).unwrap_or(0),
        u64::from(nominal_mhz) * 1_000_000,
    ]
}

fn write_set(bits: u32, names: &str, out: &mut dyn fmt::Write) -> fmt::Result {
    let mut flags = names.split_ascii_whitespace().zip(0..);
    flags.try_for_each(|(name, bit)| {
        let is_shown = bits >> bit & 1 != 0 && name != "-";
        if is_shown { write!(out, " {name}") } else { Ok(()) }
    })
}

/// A leaf; zeros if the CPU does not have it.
fn leaf(number: u32, part: u32) -> CpuIdResult {
    let highest = cpuid_count(number & EXTENDED, 0).eax;
    if number <= highest { cpuid_count(number, part) } else { CpuIdResult { eax: 0, ebx: 0, ecx: 0, edx: 0 } }
}

/// The last cache that leaf 4 describes; `None` if it describes none.
fn largest_cache_kib() -> Option<u32> {
    let caches = (0..MAX_CACHES).map(|part| leaf(4, part)).take_while(|cache| cache.eax & 0x1f != 0);
    caches.last().map(|cache| {
        let ways = u64::from(cache.ebx >> 22) + 1;
        let partitions = u64::from(cache.ebx >> 12 & 0x3ff) + 1;
        let line_bytes = u64::from(cache.ebx & 0xfff) + 1;
        (ways * partitions * line_bytes * (u64::from(cache.ecx) + 1) / 1024) as u32
    })
}

/// Text in registers, up to a zero byte, without surrounding blanks.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words<const N: usize>([u32; N]);

impl<const N: usize> fmt::Display for Words<N> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = || self.0.iter().flat_map(|word| word.to_le_bytes()).take_while(|byte| *byte != 0);
        let length = bytes().enumerate().filter(|(_, byte)| *byte != b' ').last().map_or(0, |(at, _)| at + 1);
        let mut text = bytes().take(length).skip_while(|byte| *byte == b' ').map(char::from);
        if length == 0 {
            out.write_str("unknown")
        } else {
            text.try_for_each(|c| fmt::Write::write_char(out, c))
        }
    }
}
