// What ipvsadm and keepalived do: libnl with its defaults.
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <stdint.h>
#include <stdio.h>

#include <initializer_list>

namespace {

int Count(nl_msg*, void* count) {
  ++*static_cast<int*>(count);
  return NL_OK;
}

nl_msg* Request(int family, int flags, uint8_t command) {
  nl_msg* message = nlmsg_alloc();
  genlmsg_put(message, NL_AUTO_PORT, NL_AUTO_SEQ, family, 0, flags, command, 1);
  return message;
}

}  // namespace

int main() {
  nl_sock* socket = nl_socket_alloc();
  if (genl_connect(socket) < 0) return 1;
  const int family = genl_ctrl_resolve(socket, "IPVS");
  printf("family %d\n", family);
  if (family < 0) return 0;
  int count = 0;
  nl_socket_modify_cb(socket, NL_CB_VALID, NL_CB_CUSTOM, Count, &count);
  nl_msg* dump = Request(family, NLM_F_DUMP, 4);
  nl_send_auto(socket, dump);
  printf("dump %s", nl_geterror(nl_recvmsgs_default(socket)));
  printf(", %d messages\n", count);
  for (const uint8_t command : {uint8_t{1}, uint8_t{2}, uint8_t{1}}) {
    nl_msg* change = Request(family, 0, command);
    nl_send_auto(socket, change);
    printf("command %d: %s\n", command, nl_geterror(nl_recvmsgs_default(socket)));
    nlmsg_free(change);
  }
  printf("ethtool %s\n", genl_ctrl_resolve(socket, "ethtool") > 0 ? "there" : "not there");
  nlmsg_free(dump);
  nl_socket_free(socket);
  return 0;
}
