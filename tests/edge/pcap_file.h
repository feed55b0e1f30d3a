// Capture files (the classic pcap format, microseconds, Ethernet): input and output of net_pcap.
//
//   PcapWriter writer("/tmp/in.pcap");
//   writer.Add(frame);
//   std::vector<std::vector<uint8_t>> frames = ReadPcap("/tmp/out.pcap");
#pragma once

#include <cstdint>
#include <cstdio>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace fairlead::edge {

class PcapWriter {
 public:
  explicit PcapWriter(const std::string& path);
  void Add(std::span<const uint8_t> frame);
  // Everything written so far is in the file, and the disk was large enough.
  [[nodiscard]] bool Close();

 private:
  struct CloseFile {
    void operator()(FILE* file) const { std::fclose(file); }
  };
  std::unique_ptr<FILE, CloseFile> file_;
};

// Empty when there is no such file.
std::vector<std::vector<uint8_t>> ReadPcap(const std::string& path);

}  // namespace fairlead::edge
