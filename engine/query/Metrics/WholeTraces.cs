using Tempo.Engine.Foundation;

namespace Tempo.Engine.Query.Metrics;

/// <summary>
/// The traces that are to be put together whole, each once, in the order in which their pages lie: by block, then by id. Asked
/// for in that order every page is unpacked once; in another order, once for each of its traces.
/// </summary>
internal static class WholeTraces
{
    /// <summary>Bytes that a trace costs here.</summary>
    public const int EntryBytes = 64;

    /// <summary>Of a trace that was found in several places the first one counts.</summary>
    public static TraceId[] InOrder(IEnumerable<(int Place, TraceId Id)> found)
    {
        var places = new Dictionary<TraceId, int>();
        foreach (var (place, id) in found)
            if (!places.TryGetValue(id, out var known) || place < known)
                places[id] = place;
        var ids = places.Keys.ToArray();
        Array.Sort(places.Values.ToArray(), ids, Comparer<int>.Default);

        // Each place by itself: the ids of a block ascend.
        for (int start = 0, i = 1; i <= ids.Length; i++)
        {
            if (i < ids.Length && places[ids[i]] == places[ids[start]]) continue;
            Array.Sort(ids, start, i - start);
            start = i;
        }

        return ids;
    }
}
