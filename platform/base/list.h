#pragma once
#include "platform/base/check.h"

namespace creel {

// Intrusive doubly linked list; a node is in at most one list and leaves it when destroyed, so a
// frame that dies takes its registrations with it. One thread.
class ListNode {
 public:
  ListNode() : prev_(this), next_(this) {}
  ListNode(const ListNode&) = delete;
  ListNode& operator=(const ListNode&) = delete;
  ~ListNode() { unlink(); }

  bool linked() const { return next_ != this; }
  void unlink() {
    prev_->next_ = next_;
    next_->prev_ = prev_;
    prev_ = next_ = this;
  }

 private:
  template <class T>
  friend class List;
  ListNode* prev_;
  ListNode* next_;
};

// T derives from ListNode. Does not own its nodes.
template <class T>
class List {
 public:
  bool empty() const { return !head_.linked(); }
  T& front() {
    check(!empty());
    return *static_cast<T*>(head_.next_);
  }
  void push_back(T& item) {
    ListNode& node = item;
    check(!node.linked());
    node.prev_ = head_.prev_;
    node.next_ = &head_;
    head_.prev_->next_ = &node;
    head_.prev_ = &node;
  }
  void push_front(T& item) {
    ListNode& node = item;
    check(!node.linked());
    node.prev_ = &head_;
    node.next_ = head_.next_;
    head_.next_->prev_ = &node;
    head_.next_ = &node;
  }
  T& pop_front() {
    T& item = front();
    static_cast<ListNode&>(item).unlink();
    return item;
  }
  T& pop_back() {
    check(!empty());
    T& item = *static_cast<T*>(head_.prev_);
    static_cast<ListNode&>(item).unlink();
    return item;
  }
  // Visits in order; `visit` may unlink the node it is given and no other.
  template <class Visit>
  void for_each(Visit visit) {
    for (ListNode* node = head_.next_; node != &head_;) {
      ListNode* next = node->next_;
      visit(*static_cast<T*>(node));
      node = next;
    }
  }

 private:
  ListNode head_;
};

}  // namespace creel
