// grpc: grpc.health.v1.Health/Check over HTTP/2 (RFC 9113), one stream. Written here because one
// request with one small answer needs little of HTTP/2, and no library of the director has it.
// Frames of kMostFrame bytes, kMostFrames of them; a header block of kMostBlock, a message of
// kMostGrpcMessage bytes.
#include <algorithm>
#include <array>

#include "base/byte_order.h"
#include "control/health/dialogue/hpack.h"
#include "control/health/dialogue/make_dialogue.h"

namespace fairlead::control {
namespace {

constexpr size_t kMostFrame = 16384;  // what we allow by saying nothing else
constexpr int kMostFrames = 256;
constexpr size_t kMostBlock = 65536;
constexpr size_t kMostGrpcMessage = 4096;
constexpr size_t kFrameHeader = 9;

enum class Frame : uint8_t {
  kData = 0,
  kHeaders = 1,
  kReset = 3,
  kSettings = 4,
  kPush = 5,
  kPing = 6,
  kGoAway = 7,
  kContinuation = 9
};
constexpr uint8_t kAck = 1, kEndStream = 1, kEndHeaders = 4, kPadded = 8, kPriority = 0x20;
constexpr uint32_t kStream = 1;

std::string Bytes32(uint32_t number) {
  std::string bytes(4, '\0');
  Be32::FromHost(number).Store(bytes.data());
  return bytes;
}

uint32_t Number32(std::string_view bytes) { return Be32::Load(bytes.data()).host(); }

std::string MakeFrame(Frame type, uint8_t flags, uint32_t stream, std::string_view payload) {
  std::string frame =
      Bytes32(static_cast<uint32_t>(payload.size()) << 8 | static_cast<uint32_t>(type));
  frame.push_back(static_cast<char>(flags));
  return frame.append(Bytes32(stream)).append(payload);
}

// The number of a base-128 varint at the begin; false: none that ends there.
bool TakeVarint(std::string_view* bytes, uint64_t* number) {
  *number = 0;
  for (unsigned shift = 0; shift < 64 && !bytes->empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes->front());
    bytes->remove_prefix(1);
    *number |= static_cast<uint64_t>(byte & 127) << shift;
    if ((byte & 128) == 0) return true;
  }
  return false;
}

// HealthCheckResponse.status, 0 when it is not there; false: malformed.
bool ReadStatus(std::string_view message, uint64_t* status) {
  *status = 0;
  while (!message.empty()) {
    uint64_t key = 0, value = 0;
    if (!TakeVarint(&message, &key)) return false;
    switch (key & 7) {
      case 0:
        if (!TakeVarint(&message, &value)) return false;
        if (key >> 3 == 1) *status = value;
        break;
      case 1:
      case 5:
        value = (key & 7) == 1 ? 8 : 4;
        break;
      case 2:
        if (!TakeVarint(&message, &value)) return false;
        break;
      default:
        return false;
    }
    if ((key & 7) == 0) continue;
    if (value > message.size()) return false;
    message.remove_prefix(value);
  }
  return true;
}

std::string StatusText(std::string_view code) {
  constexpr std::array<std::string_view, 17> kWords{"OK",
                                                    "CANCELLED",
                                                    "UNKNOWN",
                                                    "INVALID_ARGUMENT",
                                                    "DEADLINE_EXCEEDED",
                                                    "NOT_FOUND",
                                                    "ALREADY_EXISTS",
                                                    "PERMISSION_DENIED",
                                                    "RESOURCE_EXHAUSTED",
                                                    "FAILED_PRECONDITION",
                                                    "ABORTED",
                                                    "OUT_OF_RANGE",
                                                    "UNIMPLEMENTED",
                                                    "INTERNAL",
                                                    "UNAVAILABLE",
                                                    "DATA_LOSS",
                                                    "UNAUTHENTICATED"};
  for (size_t i = 0; i < kWords.size(); ++i) {
    if (code == std::to_string(i)) return std::string(kWords[i]);
  }
  return Quoted(code);
}

// A message travels with percent signs for what is no plain text.
std::string Unescaped(std::string_view text) {
  const auto digit = [&](size_t at) {
    constexpr std::string_view kHex = "0123456789ABCDEFabcdef";
    const size_t found = at < text.size() ? kHex.find(text[at]) : kHex.npos;
    return found > 15 && found != kHex.npos ? found - 6 : found;
  };
  std::string plain;
  for (size_t at = 0; at < text.size(); ++at) {
    const size_t high = digit(at + 1), low = digit(at + 2);
    if (text[at] != '%' || high > 15 || low > 15) {
      plain.push_back(text[at]);
      continue;
    }
    plain.push_back(static_cast<char>(high * 16 + low));
    at += 2;
  }
  return plain;
}

class GrpcDialogue : public Dialogue {
 public:
  GrpcDialogue(std::string service, std::string host, bool is_tls)
      : service_(std::move(service)), host_(std::move(host)), is_tls_(is_tls) {}

 protected:
  void OnBegin() override {
    Send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    // HEADER_TABLE_SIZE (1) and ENABLE_PUSH (2): both 0.
    Send(MakeFrame(Frame::kSettings, 0, 0, std::string("\0\1\0\0\0\0\0\2\0\0\0\0", 12)));
    constexpr char kPost = '\x83', kHttp = '\x86', kHttps = '\x87';
    std::string block{kPost, is_tls_ ? kHttps : kHttp};
    block += HpackField(4, "/grpc.health.v1.Health/Check");
    block += HpackField(1, host_);
    block += HpackField(31, "application/grpc");  // content-type
    block += HpackField("te", "trailers");
    block += HpackField(58, "fairlead-health");  // user-agent
    Send(MakeFrame(Frame::kHeaders, kEndHeaders, kStream, block));
    std::string request;  // HealthCheckRequest.service
    if (!service_.empty()) {
      request = "\x0a";
      size_t length = service_.size();
      for (; length >= 128; length >>= 7) {
        request.push_back(static_cast<char>((length & 127) | 128));
      }
      request.push_back(static_cast<char>(length));
      request += service_;
    }
    const auto length = static_cast<uint32_t>(request.size());
    Send(MakeFrame(Frame::kData, kEndStream, kStream,
                   std::string(1, '\0') + Bytes32(length) + request));
  }

  void OnBytes(std::string_view bytes) override {
    stream_.append(bytes);
    while (!is_over() && stream_.size() >= kFrameHeader) {
      const size_t length = Number32(stream_) >> 8;
      if (frames_ == 0 &&
          (stream_[3] != static_cast<char>(Frame::kSettings) || length > kMostFrame)) {
        return Reject("not an HTTP/2 answer: " + Quoted(stream_));
      }
      if (length > kMostFrame) return Reject("an HTTP/2 frame of more than 16 KiB");
      if (stream_.size() - kFrameHeader < length) return;
      if (++frames_ > kMostFrames) return Reject("HTTP/2 frames without an end");
      const auto flags = static_cast<uint8_t>(stream_[4]);
      const uint32_t id = Number32(std::string_view(stream_).substr(5)) & 0x7fffffff;
      const std::string payload = stream_.substr(kFrameHeader, length);
      const auto type = static_cast<Frame>(stream_[3]);
      stream_.erase(0, kFrameHeader + length);
      OnFrame(type, flags, id, payload);
    }
  }

 private:
  void OnFrame(Frame type, uint8_t flags, uint32_t id, std::string_view payload) {
    if (is_block_open_ && (type != Frame::kContinuation || id != kStream)) return Malformed();
    switch (type) {
      case Frame::kSettings:
        if ((flags & kAck) == 0) Send(MakeFrame(Frame::kSettings, kAck, 0, {}));
        return;
      case Frame::kPing:
        if (payload.size() != 8) return Malformed();
        if ((flags & kAck) == 0) Send(MakeFrame(Frame::kPing, kAck, 0, payload));
        return;
      case Frame::kGoAway:
        return OnGoAway(payload);
      case Frame::kReset:
        if (id != kStream || payload.size() != 4) return Malformed();
        return Reject("HTTP/2 stream reset, error " + std::to_string(Number32(payload)));
      case Frame::kPush:
        return Malformed();
      case Frame::kHeaders:
        if (id != kStream || !Unpad(flags, &payload)) return Malformed();
        if ((flags & kPriority) != 0) {
          if (payload.size() < 5) return Malformed();
          payload.remove_prefix(5);
        }
        block_ = payload;
        ends_stream_ = (flags & kEndStream) != 0;
        return OnBlock(flags);
      case Frame::kContinuation:
        if (!is_block_open_) return Malformed();
        block_.append(payload);
        return OnBlock(flags);
      case Frame::kData:
        if (id != kStream || !is_answered_ || !Unpad(flags, &payload)) return Malformed();
        message_.append(payload);
        if (message_.size() > kMostGrpcMessage) return Reject("a gRPC answer of more than 4 KiB");
        if ((flags & kEndStream) != 0) OnEndOfStream({}, {});
        return;
      default:  // unknown frames, priorities and windows say nothing to us
        return;
    }
  }

  static bool Unpad(uint8_t flags, std::string_view* payload) {
    if ((flags & kPadded) == 0) return true;
    if (payload->empty()) return false;
    const size_t padding = static_cast<unsigned char>(payload->front());
    payload->remove_prefix(1);
    if (padding > payload->size()) return false;
    payload->remove_suffix(padding);
    return true;
  }

  // It may end its connection and still answer what it has begun on.
  void OnGoAway(std::string_view payload) {
    if (payload.size() < 8) return Malformed();
    const uint32_t last = Number32(payload) & 0x7fffffff, error = Number32(payload.substr(4));
    if (error != 0 || last < kStream) {
      Reject("HTTP/2 connection ended, error " + std::to_string(error));
    }
  }

  void OnBlock(uint8_t flags) {
    is_block_open_ = (flags & kEndHeaders) == 0;
    if (block_.size() > kMostBlock) return Reject("over 64 KiB of headers");
    if (is_block_open_) return;
    const Result<HpackFields> fields = ReadHpack(block_);
    if (!fields) return Reject("an HTTP/2 answer with " + fields.error().message);
    std::string http, grpc, message;
    for (const auto& [name, value] : *fields) {
      if (name == ":status") http = value;
      if (name == "grpc-status") grpc = value;
      if (name == "grpc-message") message = value;
    }
    if (!is_answered_) {
      if (http.starts_with('1')) return;  // interim
      if (http.empty()) return Malformed();
      is_answered_ = true;
      if (http != "200") return Reject("HTTP " + Quoted(http) + " instead of gRPC");
    }
    if (ends_stream_) OnEndOfStream(grpc, message);
  }

  void OnEndOfStream(const std::string& code, const std::string& text) {
    Send(MakeFrame(Frame::kGoAway, 0, 0, std::string(8, '\0')));
    if (code.empty()) return Reject("a gRPC answer without a status");
    if (code != "0") {
      return Reject("gRPC " + StatusText(code) +
                    (text.empty() ? "" : ": " + Quoted(Unescaped(text))));
    }
    constexpr size_t kPrefix = 5;  // compressed or not, length
    uint64_t status = 0;
    if (message_.size() < kPrefix || message_[0] != 0 ||
        Number32(std::string_view(message_).substr(1)) != message_.size() - kPrefix ||
        !ReadStatus(std::string_view(message_).substr(kPrefix), &status)) {
      return Reject("not an answer of grpc.health.v1");
    }
    constexpr std::array<std::string_view, 4> kStatuses{"UNKNOWN", "SERVING", "NOT_SERVING",
                                                        "SERVICE_UNKNOWN"};
    const std::string word = status < kStatuses.size() ? std::string(kStatuses[status])
                                                       : "status " + std::to_string(status);
    if (status == 1) return Accept("gRPC " + word);
    Reject("gRPC " + word);
  }

  void Malformed() { Reject("a malformed HTTP/2 answer"); }

  const std::string service_, host_;
  const bool is_tls_;
  std::string stream_;   // of which no whole frame is there yet
  std::string block_;    // of header fields
  std::string message_;  // with its prefix
  int frames_ = 0;
  bool is_block_open_ = false;
  bool is_answered_ = false;  // the headers of the answer are there
  bool ends_stream_ = false;
};

}  // namespace

std::unique_ptr<Dialogue> MakeGrpcDialogue(const GrpcProbe& grpc, const Endpoint& at, bool is_tls) {
  return std::make_unique<GrpcDialogue>(grpc.service, grpc.host.empty() ? at.ToString() : grpc.host,
                                        is_tls);
}

}  // namespace fairlead::control
