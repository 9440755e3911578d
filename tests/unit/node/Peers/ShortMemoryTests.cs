using Tempo.Engine.Foundation;

namespace Tempo.Node.Tests.Peers;

/// <summary>
/// What queries know of where spans are is let go where memory is short, which costs copying and nothing else. Alone in the process:
/// everything in it lets go.
/// </summary>
[Collection(nameof(ShortMemoryTests))]
[CollectionDefinition(nameof(ShortMemoryTests), DisableParallelization = true)]
public sealed class ShortMemoryTests
{
    [Fact]
    public async Task Where_memory_is_short_nothing_is_known_any_more_and_what_others_have_comes_anew()
    {
        var asker = new Asker();
        LiveNode b = new("b"), c = new("c"), d = new("d");
        ulong[] spans = [.. Enumerable.Range(1, 5000).Select(static span => (ulong)span)];
        foreach (var span in spans)
        {
            b.Append(span);
            c.Append(span);
        }

        var query = await asker.AskAsync(b);
        await asker.TakeAsync(query, c);
        Assert.Equal((5000, 5000), asker.Counts);
        var known = asker.Known.ByteCount;
        SpareMemory.LetGo();
        Assert.InRange(asker.Known.ByteCount, 0, known / 2);

        // The query that had asked before has all, and so has a later one, to which a third node sends what is here already.
        await query.CompleteAsync(default);
        Assert.Equal(spans, Asker.IdsOf(query.Parts));
        foreach (var span in spans) d.Append(span);
        var later = await asker.AskAsync(b, c, d);
        await later.CompleteAsync(default);
        Assert.Equal(spans, Asker.IdsOf(later.Parts).Distinct());
        Assert.Equal((10_000, 5000), asker.Counts);
    }
}
