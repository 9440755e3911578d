using System.Buffers.Binary;
using Tempo.Engine.Storage.Live;

namespace Tempo.Perf.Micro;

/// <summary>Requests as <c>tempo-load generate</c> writes them: a little-endian length, then the bytes.</summary>
internal static class RequestFile
{
    /// <summary>Live batches of at least <paramref name="spanCount"/> spans each, until the file ends.</summary>
    public static IEnumerable<List<LiveBatchView>> ReadBatches(string path, int spanCount)
    {
        using var file = File.OpenRead(path);
        var prefix = new byte[4];
        var batches = new List<LiveBatch> { new() };
        var spans = 0;
        while (file.ReadAtLeast(prefix, 4, throwOnEndOfStream: false) == 4)
        {
            var request = new byte[BinaryPrimitives.ReadInt32LittleEndian(prefix)];
            file.ReadExactly(request);
            if (batches[^1].IsClosed) batches.Add(new LiveBatch());
            spans += batches[^1].Append(request, maxAttributeBytes: 2048).SpanCount;
            if (spans < spanCount) continue;
            yield return Views(batches);
            (batches, spans) = ([new LiveBatch()], 0);
        }

        if (spans > 0) yield return Views(batches);
    }

    private static List<LiveBatchView> Views(List<LiveBatch> batches) => batches.ConvertAll(static batch => batch.View());
}
