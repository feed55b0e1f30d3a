#include "pcap_file.h"

namespace fairlead::edge {
namespace {

constexpr uint32_t kMagic = 0xa1b2c3d4;
constexpr uint32_t kEthernet = 1;

struct FileHeader {
  uint32_t magic = kMagic;
  uint16_t major = 2, minor = 4;
  int32_t zone = 0;
  uint32_t accuracy = 0;
  uint32_t snap_length = 65535;
  uint32_t link_type = kEthernet;
};
static_assert(sizeof(FileHeader) == 24);

struct RecordHeader {
  uint32_t seconds = 0, microseconds = 0;
  uint32_t captured = 0, length = 0;
};
static_assert(sizeof(RecordHeader) == 16);

}  // namespace

PcapWriter::PcapWriter(const std::string& path) : file_(std::fopen(path.c_str(), "wb")) {
  const FileHeader header;
  if (file_) std::fwrite(&header, sizeof header, 1, file_.get());
}

void PcapWriter::Add(std::span<const uint8_t> frame) {
  if (!file_) return;
  const auto length = static_cast<uint32_t>(frame.size());
  const RecordHeader header{.captured = length, .length = length};
  std::fwrite(&header, sizeof header, 1, file_.get());
  std::fwrite(frame.data(), frame.size(), 1, file_.get());
}

bool PcapWriter::Close() {
  FILE* file = file_.release();
  if (file == nullptr) return false;
  const bool is_good = std::ferror(file) == 0;
  return std::fclose(file) == 0 && is_good;
}

std::vector<std::vector<uint8_t>> ReadPcap(const std::string& path) {
  std::vector<std::vector<uint8_t>> frames;
  FILE* file = std::fopen(path.c_str(), "rb");
  if (file == nullptr) return frames;
  FileHeader header;
  RecordHeader record;
  if (std::fread(&header, sizeof header, 1, file) == 1) {
    while (std::fread(&record, sizeof record, 1, file) == 1 && record.captured <= 65535) {
      std::vector<uint8_t> frame(record.captured);
      if (std::fread(frame.data(), 1, frame.size(), file) != frame.size()) break;
      frames.push_back(std::move(frame));
    }
  }
  std::fclose(file);
  return frames;
}

}  // namespace fairlead::edge
