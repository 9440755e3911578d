using System.Text;
using Tempo.Engine.Query.Search;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Query.Tests;

/// <summary>Texts of tables, each made once within a bound.</summary>
public sealed class TextCacheTests
{
    [Fact]
    public void One_text_of_a_large_table_takes_no_room_for_all_of_them()
    {
        var table = Table(Enumerable.Range(0, 16_000).Select(static i => $"text {i}"));
        var cache = new TextCache();
        _ = cache.Of(Table(["warm"]), 0);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal("text 3", cache.Of(table, 3));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 1, 1000);
        for (var code = 0; code < 16_000; code += 7) Assert.Equal($"text {code}", cache.Of(table, code));
        Assert.Same(cache.Of(table, 7), cache.Of(table, 7));
    }

    [Fact]
    public void Long_texts_are_not_all_kept()
    {
        var table = Table(Enumerable.Range(0, 5).Select(static i => new string((char)('a' + i), 1 << 20)));
        var cache = new TextCache();
        var first = cache.Of(table, 0);
        Assert.Same(first, cache.Of(table, 0));
        for (var code = 1; code < 5; code++) Assert.Equal('a' + code, cache.Of(table, code)[0]);
        Assert.NotSame(first, cache.Of(table, 0));
        Assert.Equal(first, cache.Of(table, 0));
    }

    private static StringTable Table(IEnumerable<string> texts)
    {
        var entries = texts.Select(Encoding.UTF8.GetBytes).ToList();
        int[] offsets = new int[entries.Count + 1];
        for (var i = 0; i < entries.Count; i++) offsets[i + 1] = offsets[i] + entries[i].Length;
        return new StringTable([.. entries.SelectMany(static entry => entry)], offsets, entries.Count);
    }
}
