// One message on its way to the mail server: a connection, TLS where it is wanted, a MailDialogue.
//
//   SendMail(io, contexts, mail, message, [](MailEnd end) { … });
//
// `done` is called once, later, on the io's thread; kMailLimit is the most that it takes. Threads:
// the one that runs the io.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "control/config/mail_config.h"
#include "control/health/look/tls_contexts.h"

namespace fairlead::control {

struct MailEnd {
  bool is_taken = false;
  std::string detail{};       // what went wrong; of a message that was taken: who refused it
  bool is_permanent = false;  // to try again is of no use
  // What was refused for good is this message; another one may be taken.
  bool is_of_message = false;
};

inline constexpr std::chrono::seconds kMailLimit{30};

void SendMail(boost::asio::io_context& io, std::shared_ptr<TlsContexts> contexts,
              std::shared_ptr<const MailConfig> mail, std::string message,
              std::function<void(MailEnd)> done, std::chrono::milliseconds limit = kMailLimit);

}  // namespace fairlead::control
