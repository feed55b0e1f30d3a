// Questions to etcd and their answers, over whatever carries them: the network (etcd_client.h), or
// a test.
//
//   transport.Post("/v3/kv/txn", body, token, [](Result<EtcdReply> reply) { … });
//   transport.OpenStream("/v3/watch", body, token, {.line = …, .ended = …});
//
// `done` and the events are called later, on the thread of the transport, never inside the call; of
// what was closed nothing is heard any more. An error is one of the way (nobody answers, TLS;
// kInvalid: the answer is too long); what etcd says itself is a reply. Threads: one.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::control {

struct EtcdReply {
  unsigned status = 0;  // of HTTP
  std::string body{};
};

class EtcdTransport {
 public:
  struct StreamEvents {
    std::function<void(std::string_view line)> line;
    // Once, unless it is closed before. A reply: it was refused.
    std::function<void(Result<EtcdReply>)> ended;
  };

  virtual ~EtcdTransport() = default;
  // `token`: empty: none.
  virtual void Post(const std::string& path, std::string body, const std::string& token,
                    std::function<void(Result<EtcdReply>)> done) = 0;
  // There is one at a time; another one closes it.
  virtual void OpenStream(const std::string& path, std::string body, const std::string& token,
                          StreamEvents events) = 0;
  virtual void CloseStream() = 0;
  // The next question goes to another member of the cluster.
  virtual void NextServer() = 0;
};

}  // namespace fairlead::control
