// Layers over a base read as one ordered map; a refused operation's edits vanish without a trace.
#include "store/index/layer.h"

#include <gtest/gtest.h>

#include <map>

#include "store/index/mem_base.h"
#include "tests/support/seeds.h"

namespace creel::test {
namespace {

using namespace store;  // The room under test.
using Model = std::map<std::string, std::string>;

Model walk(const RowReader& rows, Table table) {
  Model all;
  auto cursor = rows.cursor(table);
  EXPECT_TRUE(cursor.ok());
  for (auto more = cursor.value()->seek(""); more.ok() && more.value();
       more = cursor.value()->next())
    all.emplace(cursor.value()->key(), cursor.value()->value());
  return all;
}

TEST(Layer, LayersOverABaseReadAsOneMap) {
  for (test::Seed seed : seeds(200)) {
    SCOPED_TRACE(seed.replay_hint());
    TestRandom random(seed);
    MemImage image;
    Model model;
    const auto key = [&] { return random.text(random.below(3) + 1, "abc"); };
    for (int i = 0; i < 20; ++i) {
      const std::string name = key();
      model[name] = "base" + std::to_string(i);
      image.rows[{Table::kObject, name}] = model[name];
      image.rows[{Table::kBlob, name}] = "other table";
    }
    MemBase base(image, false);
    Layer old_layer, middle;
    for (Layer* layer : {&old_layer, &middle})
      for (int i = 0; i < 12; ++i) {
        const std::string name = key();
        if (random.chance(0.4)) {
          (*layer)[{Table::kObject, name}] = std::nullopt;
          model.erase(name);
        } else {
          (*layer)[{Table::kObject, name}] = "layer" + std::to_string(i);
          model[name] = "layer" + std::to_string(i);
        }
      }
    Layer top;
    StagingRows rows(top, {&middle, &old_layer}, base);
    ASSERT_EQ(walk(rows, Table::kObject), model);
    for (int op = 0; op < 20; ++op) {
      const Model before = model;
      for (int edit = random.between(0, 4); edit > 0; --edit) {
        const std::string name = key();
        if (random.chance(0.4)) {
          rows.erase(Table::kObject, name);
          model.erase(name);
        } else {
          rows.put(Table::kObject, name, "op" + std::to_string(op));
          model[name] = "op" + std::to_string(op);
        }
        const auto found = rows.find(Table::kObject, name);
        ASSERT_TRUE(found.ok());
        ASSERT_EQ(found.value().has_value(), model.contains(name));
      }
      if (random.chance(0.5)) {
        rows.keep();
      } else {
        rows.undo();
        model = before;
      }
      ASSERT_EQ(walk(rows, Table::kObject), model);
      const std::string from = key();
      auto cursor = rows.cursor(Table::kObject);
      const auto more = cursor.value()->seek(from);
      const auto expected = model.lower_bound(from);
      ASSERT_EQ(more.value(), expected != model.end());
      if (more.value()) {
        ASSERT_EQ(cursor.value()->key(), expected->first);
      }
    }
    // Folding newer into older changes nothing for readers.
    fold_into(middle, top);
    fold_into(old_layer, middle);
    EXPECT_TRUE(top.empty() && middle.empty());
    StagingRows folded(top, {&old_layer}, base);
    ASSERT_EQ(walk(folded, Table::kObject), model);
  }
}

}  // namespace
}  // namespace creel::test
