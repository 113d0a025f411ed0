//! Programs that use more memory than they have, and hide it.

use std::time::Duration;

use sandbox::{Limits, Stack};

use crate::case::Check::{PeakMib, Prints};
use crate::case::Mode::{Docker, WithoutRoot};
use crate::case::{AMPLE, Case, End, KIB, MIB, line, probe, source};

const FILES: &str = "files in memory are not counted; the size of each writable area bounds them";
const UNNAMED_FILES: &str =
    "files in memory without a name are refused, because nothing counts them";
const BUFFERS: &str = "what pipes and sockets hold is not counted; the number of open files and of processes bounds it";
const SAMPLED: &str =
    "what grows between two looks of the sampler is found too late to be stopped at the limit";
const COPIES: &str = "memory that processes share after a fork is counted once for each of them";

/// 64 MiB, and enough time to fill them.
const SMALL: Limits = Limits { memory_bytes: 64 * MIB, ..AMPLE };

/// Less than any program can start with.
const TINY: Limits = Limits { memory_bytes: KIB, ..AMPLE };

const BAD_ALLOC: &str = "#include <iostream>
#include <new>
#include <vector>
int main() {
    try {
        std::vector<char> all(1ull << 50);
        std::cout << all.size();
    } catch (const std::bad_alloc &) {
        std::cout << 42 << std::endl;
    }
}";

const MEMORY_ERROR: &str = "try:
    print(len(bytearray(1 << 60)))
except MemoryError:
    print(42)
";

const HOARD: &str = "parts = []
while True:
    try:
        parts.append(bytearray(1 << 20))
    except MemoryError:
        print(42)
        break
";

const JAVA_HELLO: &str =
    "public class Main { public static void main(String[] a) { System.out.println(6 * 7); } }";

const JAVA_HOARD: &str = "import java.nio.ByteBuffer;
import java.util.*;
public class Main {
    public static void main(String[] a) {
        List<ByteBuffer> parts = new ArrayList<>();
        List<byte[]> more = new ArrayList<>();
        for (;;) {
            more.add(new byte[1 << 20]);
            if (more.size() > 4) parts.add(ByteBuffer.allocateDirect(1 << 20));
        }
    }
}";

const NODE_HOARD: &str = "const parts = []; for (;;) parts.push(Buffer.alloc(1 << 20, 1));";

pub(crate) fn cases() -> Vec<Case> {
    [
        line(
            "JVM, Go, Node at the default problem limit",
            [
                source("java starts", "java", JAVA_HELLO).checks(&[Prints("42\n")]),
                // The virtual machine may notice its own limit first.
                source("java hoards", "java", JAVA_HOARD)
                    .limits(Limits { cpu: Duration::from_secs(6), ..SMALL })
                    .ends(&[End::Memory, End::Exit(1)]),
                source("java at 1 KB", "java", JAVA_HELLO)
                    .limits(Limits { memory_bytes: KIB, ..AMPLE })
                    .ends(&[End::Memory, End::Failure]),
                source("node starts", "js", "console.log(6 * 7)").checks(&[Prints("42\n")]),
                source("node hoards", "js", NODE_HOARD).limits(SMALL).ends(&[End::Memory]),
                probe("the smallest program at 1 KB", &["answer"])
.limits(TINY)
.ends(&[End::Memory])
.in_own_cell(),
probe("the same after a run that filled its files", &["answer"]).limits(TINY).ends(&[End::Memory]),
            ],
        ),
        line(
            "malloc + touch loop ; one huge static array ; huge BSS never touched",
            [
                probe("touches for ever", &["touch-for-ever"]).limits(SMALL).ends(&[End::Memory]),
                source(
                    "huge array, touched",
                    "c",
                    "static volatile char a[512 << 20]; int main(void) { for (long i = 0; i < sizeof a; i += 4096) a[i] = 1; return a[5] * 0; }",
                )
                .ends(&[End::Memory, End::Signal(libc::SIGKILL)]),
                source(
                    "huge array, never touched",
                    "c",
                    "#include <stdio.h>\nstatic char a[1 << 30]; int main(int n, char **w) { return puts(\"42\"), a[n << 20]; }",
                )
                .checks(&[Prints("42\n"), PeakMib(0, 16)]),
                // Runtimes reserve far more than they use (never `RLIMIT_AS`).
                probe("64 GiB reserved", &["reserve", "65536"]).limits(SMALL),
                probe("fits", &["touch", "48"]).limits(SMALL).checks(&[PeakMib(48, 64)]),
                probe("given back and taken again", &["churn", "40", "10"])
                    .limits(SMALL)
                    .checks(&[PeakMib(40, 64)]),
            ],
        ),
        line(
            "tiny leaks / one jump / stack dive",
            [
                probe("tiny leaks", &["leak"]).limits(SMALL).ends(&[End::Memory]),
                probe("one jump", &["touch", "80"]).limits(SMALL).ends(&[End::Memory]),
                probe("one jump inside the kernel", &["populate", "200"])
                    .limits(SMALL)
                    .ends(&[End::Memory]),
                // 64 MiB of frames.
                probe("as deep as the memory limit allows", &["dive", "60000"]).limits(AMPLE),
                probe("deeper than the memory limit", &["dive", "100000"])
                    .limits(SMALL)
                    .ends(&[End::Memory]),
                probe("deeper than the stack limit", &["dive", "60000"])
                    .limits(Limits { stack: Stack::Bytes(8 * MIB), ..AMPLE })
                    .ends(&[End::Signal(libc::SIGSEGV)]),
            ],
        ),
        line(
            "mmap MAP_SHARED, memfd_create, tmpfs file, /dev/shm, SysV shm, pipe buffers, socket buffers",
            [
                probe("MAP_SHARED", &["touch-shared", "80"]).limits(SMALL).ends(&[End::Memory]),
                probe("memfd_create", &["hold-in-memfd", "80"])
                    .limits(Limits { file_bytes: 128 * MIB, ..SMALL })
                    .ends(&[End::Memory])
                    .weaker(WithoutRoot, &[End::REFUSED], &[], UNNAMED_FILES)
                    .weaker(Docker, &[End::REFUSED], &[], UNNAMED_FILES),
                file("tmpfs file", &["hold-in-file", "48", "/tmp/large"]),
                file("file in the work area", &["hold-in-file", "48", "/work/large"]),
                file("/dev/shm", &["hold-in-file", "48", "/dev/shm/large"]),
                probe("/dev/shm, mapped", &["map-file", "48", "/dev/shm/large"])
                    .limits(Limits { memory_bytes: 32 * MIB, ..AMPLE })
                    .ends(&[End::Memory]),
                probe("SysV shm", &["filtered", "shmget"]).ends(&[End::REFUSED]),
                // 62 pipes of at most 1 MiB. Beyond 64 MiB per user, the kernel makes pipes
                // smaller.
                probe("pipe buffers", &["fill-pipes"])
                    .limits(Limits { memory_bytes: 128 * MIB, ..AMPLE })
                    .ends(&[End::SUCCESS, End::Memory])
                    .checks(&[PeakMib(0, 128)])
                    .weaker(WithoutRoot, &[End::SUCCESS], &[], BUFFERS)
                    .weaker(Docker, &[End::SUCCESS, End::Memory], &[], SAMPLED),
                probe("socket buffers", &["fill-sockets"])
                    .limits(Limits { memory_bytes: 128 * MIB, ..AMPLE })
                    .ends(&[End::SUCCESS, End::Memory])
                    .checks(&[PeakMib(0, 128)])
                    .weaker(WithoutRoot, &[End::SUCCESS], &[], BUFFERS)
                    .weaker(Docker, &[End::SUCCESS, End::Memory], &[], SAMPLED),
            ],
        ),
        line(
            "allocate in children, each below the limit",
            [
                probe("4 × 40 MiB where 100 are allowed", &["touch-in-children", "40"])
                    .limits(Limits { memory_bytes: 100 * MIB, ..AMPLE })
                    .ends(&[End::Memory]),
                probe("shared with children, where there is enough", &["share-with-children", "40"])
                    .limits(SMALL)
                    .checks(&[PeakMib(40, 64)])
                    .weaker(WithoutRoot, &[End::Memory], &[], COPIES)
                    .weaker(Docker, &[End::Memory, End::SUCCESS], &[], COPIES),
            ],
        ),
        line(
            "catches bad_alloc / MemoryError and prints the right answer",
            [
                source("bad_alloc", "cpp", BAD_ALLOC).checks(&[Prints("42\n")]),
                source("MemoryError", "py", MEMORY_ERROR).checks(&[Prints("42\n")]),
                // The limit applies to used memory and not to reserved memory, so there is no error
                // to catch.
                source("MemoryError that never comes", "py", HOARD)
                    .limits(SMALL)
                    .ends(&[End::Memory]),
            ],
        ),
        line(
            "hugepages, mlock, userfaultfd, swap use",
            [
                probe("huge pages", &["huge-pages"]).ends(&[End::REFUSED]).checks(&[Prints("")]),
                probe("transparent huge pages", &["touch-huge", "80"])
                    .limits(SMALL)
                    .ends(&[End::Memory]),
                probe("mlock", &["lock-memory"]).ends(&[End::REFUSED]).checks(&[Prints("")]),
                probe("userfaultfd", &["filtered", "userfaultfd"]).ends(&[End::REFUSED]),
                probe("swapon", &["filtered", "swapon"]).ends(&[End::REFUSED]),
            ],
        ),
    ]
    .concat()
}

/// 48 MiB in a file, with a memory limit of 32 MiB.
fn file(name: &'static str, words: &'static [&'static str]) -> Case {
    probe(name, words)
        .limits(Limits { memory_bytes: 32 * MIB, ..AMPLE })
        .ends(&[End::Memory])
        .weaker(WithoutRoot, &[End::SUCCESS], &[], FILES)
}
