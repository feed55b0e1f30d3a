#include "control/health/local_error.h"

#include <cerrno>

namespace fairlead::control {

LocalError LocalErrorOf(int errno_value, bool is_immediate) {
  switch (errno_value) {
    case EMFILE:
    case ENFILE:
      return LocalError::kDescriptors;
    case ENOMEM:
    case ENOBUFS:
    case ENOSPC:  // epoll watches
      return LocalError::kMemory;
    case EADDRNOTAVAIL:
    case EADDRINUSE:
      return LocalError::kPorts;
    case EACCES:
    case EPERM:
      return is_immediate ? LocalError::kPolicy : LocalError::kNone;
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
    case EINVAL:
    case ENETDOWN:
    case ECHILD:
    case ESRCH:  // of a command that has been taken away from us
      return is_immediate ? LocalError::kSystem : LocalError::kNone;
    default:
      return LocalError::kNone;
  }
}

std::string_view LabelOf(LocalError error) {
  switch (error) {
    case LocalError::kNone:
      return "none";
    case LocalError::kDescriptors:
      return "descriptors";
    case LocalError::kMemory:
      return "memory";
    case LocalError::kPorts:
      return "ports";
    case LocalError::kPolicy:
      return "policy";
    case LocalError::kSystem:
      return "system";
    case LocalError::kFiles:
      return "files";
    case LocalError::kQueue:
      return "queue";
    case LocalError::kOverload:
      return "overload";
    case LocalError::kCommand:
      return "command";
  }
  return "none";
}

std::string_view RemedyOf(LocalError error) {
  switch (error) {
    case LocalError::kNone:
      return "";
    case LocalError::kDescriptors:
      return "raise LimitNOFILE of the unit, or fs.file-max of the machine";
    case LocalError::kMemory:
      return "give the machine memory: net.ipv4.tcp_mem, fs.epoll.max_user_watches";
    case LocalError::kPorts:
      return "widen net.ipv4.ip_local_port_range, or check less often";
    case LocalError::kPolicy:
      return "look at the machine's own rules: nft list ruleset, ip route show type prohibit";
    case LocalError::kSystem:
      return "the machine cannot do it at all, as the error says: is IPv6 switched off, or a route "
             "a blackhole? Of a script: does another program end the director's processes?";
    case LocalError::kFiles:
      return "look at the file that the error names: is it there, readable for the director's "
             "user, and PEM or not empty?";
    case LocalError::kQueue:
      return "the worker hands the kernel twin more than the exception path takes: lengthen "
             "health.interval, or leave the exception path a processor of its own";
    case LocalError::kOverload:
      return "more checks are due than can be made: lengthen health.interval";
    case LocalError::kCommand:
      return "make the program, and all directories above it, root's and writable by nobody else, "
             "and executable for director.script_user";
  }
  return "";
}

}  // namespace fairlead::control
