using Tempo.Engine.Foundation;
using Tempo.Engine.Parquet;
using Tempo.Engine.Storage.Blocks.Read;
using Tempo.Engine.Storage.Blocks.Write;
using Tempo.Engine.Storage.Live;
using Tempo.Engine.Storage.Scan;

namespace Tempo.Storage.Tests;

/// <summary>A block with one byte changed reads as before, or as an error that says it is damaged; never as something else.</summary>
public sealed class DamagedBlockTests
{
    private static readonly MemoryBlock Block = Write();
    private static readonly string[] Sound = ReadAll(Block.Data);

    private static MemoryBlock Write()
    {
        var requests = new RandomRequests(seed: 11, traceCount: 12);
        var batch = new LiveBatch();
        for (var i = 0; i < 12; i++) batch.Append(requests.Next(), 64);
        return MemoryBlock.Write(
            new BlockWriterOptions { PageSpans = 30, RowGroupSpans = 60, DedicatedColumns = TestColumns.Some }, [Spans.View(batch)]);
    }

    public static TheoryData<int> Seeds => [.. Enumerable.Range(1, 8)];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void A_flipped_byte_is_harmless_or_noticed(int seed)
    {
        var random = new Random(seed);
        var data = Block.Data.ToArray();
        // The footer and the page indexes, which have no checksum, get as many trials as the pages before them.
        var bodyLength = data.Length * 2 / 3;
        for (var trial = 0; trial < 250; trial++)
        {
            var place = trial % 2 == 0 ? random.Next(bodyLength) : random.Next(bodyLength, data.Length);
            var before = data[place];
            data[place] ^= (byte)random.Next(1, 256);
            try
            {
                Assert.Equal(Sound, ReadAll(data));
            }
            catch (Exception e) when (e is BlockReadException or ParquetFormatException)
            {
                Assert.NotEmpty(e.Message);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"byte {place} of {data.Length}: {before:x2} to {data[place]:x2}: {e.Message}", e);
            }

            data[place] = before;
        }
    }

    [Fact]
    public void A_shortened_file_is_refused()
    {
        for (var length = 0; length < Block.Data.Length; length += 997)
            Assert.ThrowsAny<ParquetFormatException>(() => Block.Open(Block.Data[..length]));
    }

    private static string[] ReadAll(byte[] data)
    {
        var all = new List<string>();
        using var block = Block.Open(data);
        using var buffer = new NativeBuffer();
        MemoryBlock.ForEachTrace(block, new Random(1), 20, trace =>
        {
            buffer.Clear();
            OtlpTraceWriter.Write(trace, buffer);
            all.AddRange(TraceModel.Describe(buffer.Written));
        });
        return [.. all];
    }
}
