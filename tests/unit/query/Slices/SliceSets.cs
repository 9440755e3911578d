using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Sources;

namespace Tempo.Query.Tests.Slices;

/// <summary>Ways to cut all trace ids into slices.</summary>
internal static class SliceSets
{
    /// <summary>Slices that end with these ids, and a last one behind them.</summary>
    public static IReadOnlyList<TraceSlice> EndingWith(IEnumerable<TraceId> lasts)
    {
        var slices = new List<TraceSlice>();
        var first = default(TraceId);
        foreach (var last in lasts.Distinct().Order())
        {
            slices.Add(new TraceSlice(first, last));
            first = last.Next;
        }

        return [.. slices, new TraceSlice(first, TraceId.MaxValue)];
    }

    /// <summary>
    /// By the data in up to seven, at ids that there are and beside them, one trace by itself, and one slice between two that have nothing.
    /// </summary>
    public static async Task<List<IReadOnlyList<TraceSlice>>> AllOf(TraceSources sources, IReadOnlyList<TraceId> ids, Random random)
    {
        var sets = new List<IReadOnlyList<TraceSlice>>();
        for (var count = 1; count <= 7; count++) sets.Add(await TraceSlices.DivideAsync(sources, 0, 0, count, default));
        TraceId Any() => ids[random.Next(ids.Count)];
        sets.Add(EndingWith(Enumerable.Range(0, random.Next(1, 6)).Select(_ => Any())));
        sets.Add(EndingWith(Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(2) == 0 ? Any().Next : Before(Any()))));
        sets.Add(EndingWith(
            Enumerable.Range(0, random.Next(1, 4)).Select(_ => new TraceId((ulong)random.Next(3), (ulong)random.NextInt64()))));
        var one = Any();
        sets.Add(EndingWith([Before(one), one]));
        sets.Add(EndingWith([new TraceId(5, 0), new TraceId(9, 0)]));

        // Not one that has all first: what is found out then is known of all others.
        var mixed = sets.ToArray();
        random.Shuffle(mixed);
        return [.. mixed];
    }

    /// <summary>Of an id that does not end in zeros.</summary>
    private static TraceId Before(TraceId id) => new(id.High, id.Low - 1);
}
