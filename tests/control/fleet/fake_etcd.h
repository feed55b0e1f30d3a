// An EtcdTransport that remembers what it is asked, and answers when the test says so.
//
//   FakeEtcd etcd;
//   FleetSource source(etcd, setup);
//   source.Turn(now);
//   EXPECT_EQ(etcd.asked(), "/v3/kv/txn");
//   etcd.Answer(200, R"({"header":…})");
//   etcd.Say(R"({"result":{"created":true}})");     // on the stream
#pragma once

#include <deque>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "control/fleet/etcd_transport.h"

namespace fairlead::control {

class FakeEtcd : public EtcdTransport {
 public:
  struct Question {
    std::string path, body, token;
    std::function<void(Result<EtcdReply>)> done;
  };

  void Post(const std::string& path, std::string body, const std::string& token,
            std::function<void(Result<EtcdReply>)> done) override {
    if (is_broken) throw std::bad_alloc();
    questions_.push_back({path, std::move(body), token, std::move(done)});
    ++posts;
  }
  void OpenStream(const std::string& path, std::string body, const std::string& token,
                  StreamEvents events) override {
    stream = Question{path, std::move(body), token, nullptr};
    events_ = std::move(events);
    ++streams;
  }
  void CloseStream() override {
    stream.reset();
    ++closes;
  }
  void NextServer() override { ++next_servers; }

  // The path of the oldest question without an answer; empty: there is none.
  [[nodiscard]] std::string asked() const {
    return questions_.empty() ? "" : questions_.front().path;
  }
  [[nodiscard]] const Question& question() const { return questions_.front(); }
  void Answer(unsigned status, std::string body) { Reply(EtcdReply{status, std::move(body)}); }
  void FailAsked(const std::string& why, ErrorCode code = ErrorCode::kUnavailable) {
    Reply(Error{code, why, ""});
  }
  void Say(const std::string& line) {
    const auto take = events_.line;
    take(line);
  }
  void EndStream(Result<EtcdReply> how) {
    const auto ended = events_.ended;
    ended(std::move(how));
  }

  std::optional<Question> stream;
  bool is_broken = false;  // it can be asked nothing
  size_t posts = 0, streams = 0, closes = 0, next_servers = 0;

 private:
  void Reply(Result<EtcdReply> reply) {
    const Question question = std::move(questions_.front());
    questions_.pop_front();
    question.done(std::move(reply));
  }

  std::deque<Question> questions_;
  StreamEvents events_;
};

}  // namespace fairlead::control
