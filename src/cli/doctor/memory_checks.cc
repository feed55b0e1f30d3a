// fairlead doctor: hugepages, and the pages of the arena.
#include <algorithm>
#include <cctype>

#include "base/page_advice.h"
#include "cli/doctor/doctor.h"

namespace fairlead::cli {

namespace {

constexpr uint64_t kMebibyte = 1 << 20;
// Buffers of packets of two ports; what it needs exactly the director says when it starts.
constexpr uint64_t kPacketBytes = 256 * kMebibyte;

// docs/connection_record.md
uint64_t RecordBytes(const control::DirectorConfig& director) {
  return director.connections * 64 + director.connections6 * 128 + director.templates * 128 +
         director.side_records * 64;
}

uint64_t ReservedBytes(const Machine& machine) {
  const std::string top = "/sys/kernel/mm/hugepages";
  uint64_t bytes = 0;
  for (const std::string& name : machine.Names(top)) {  // "hugepages-2048kB"
    const uint64_t size =
        std::strtoull(name.c_str() + std::string("hugepages-").size(), nullptr, 10);
    bytes += size * 1024 * machine.Number(top + "/" + name + "/nr_hugepages").value_or(0);
  }
  return bytes;
}

bool IsHugetlbfsMounted(const Machine& machine) {
  return std::ranges::any_of(machine.Lines("/proc/mounts"), [](const std::string& line) {
    return line.find(" hugetlbfs ") != std::string::npos &&
           line.find("pagesize=2M") != std::string::npos;
  });
}

}  // namespace

Findings CheckHugepages(const Patient& patient) {
  const control::DirectorConfig& director = patient.config.director;
  if (director.hugepages == control::AutoOnOff::kOff) return {{true, "not wanted: hugepages: off"}};
  const bool is_needed = director.hugepages == control::AutoOnOff::kOn;
  const uint64_t needed = kPacketBytes + (is_needed ? RecordBytes(director) : 0);
  const uint64_t reserved = ReservedBytes(patient.machine);
  Findings findings;
  if (reserved < needed) {
    const std::string setting = "vm.nr_hugepages=" + std::to_string((needed >> 21) + 1);
    findings.push_back(
        {false,
         std::to_string(reserved / kMebibyte) + " MiB of hugepages are reserved, of about " +
             std::to_string(needed / kMebibyte) +
             " MiB that are needed (an estimate: the log of a start has the exact number). " +
             (is_needed ? "With hugepages: on the director does not start"
                        : "Without them a packet costs more processor time"),
         {"sysctl -w " + setting, "echo " + setting + " > /etc/sysctl.d/90-fairlead.conf"}});
  }
  if (is_needed && director.arena != "none" && !IsHugetlbfsMounted(patient.machine)) {
    findings.push_back({false,
                        "no hugetlbfs with pages of 2 MiB is mounted, where the records lie with "
                        "hugepages: on",
                        {"mount -t hugetlbfs -o pagesize=2M none /dev/hugepages"}});
  }
  if (!findings.empty()) return findings;
  return {{true, std::to_string(reserved / kMebibyte) + " MiB are reserved"}};
}

Findings CheckShmem(const Patient& patient) {
  constexpr uint64_t kTolerable = 64 * kMebibyte;  // in the caches, more or less
  const control::DirectorConfig& director = patient.config.director;
  if (director.arena == "none") return {{true, "not used: arena: none"}};
  if (director.hugepages != control::AutoOnOff::kAuto) {
    return {{true, "not used: hugepages is not auto"}};
  }
  const uint64_t bytes = RecordBytes(director);
  if (bytes <= kTolerable) return {{true, "the records are small"}};
  const std::string directory =
      director.arena == "auto" ? "/dev/shm/fairlead-" + director.name : director.arena;
  const auto remedy = HugePageRemedy(directory, patient.machine.Text("/proc/mounts") + "\n",
                                     patient.machine.Text(kShmemEnabled));
  if (!remedy) return {{true, "the records can have huge pages"}};
  return {{false,
           "about " + std::to_string(bytes / kMebibyte) + " MiB of records in " + directory +
               " lie on pages of 4 KiB, which makes a look-up slower. After the remedy "
               "a new arena has huge pages",
           {*remedy}}};
}

}  // namespace fairlead::cli
