using Tempo.SystemTests.Exporters;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Blocks;

/// <summary>Blocks are plain Parquet: readers that know nothing of us find every span and attribute in them.</summary>
public sealed class IndependentReaderTests(IndependentReaderTests.WrittenBlocks blocks) : IClassFixture<IndependentReaderTests.WrittenBlocks>
{
    [Theory]
    [InlineData("hyparquet")]
    [InlineData("duckdb")]
    public async Task Every_span_and_attribute_that_was_sent_is_in_the_file(string reader)
    {
        Assert.NotEmpty(blocks.DataFiles);
        SpanFacts.AssertSame(blocks.Sent, await NodeProgram.ReadBlocksAsync(reader, blocks.DataFiles));
    }

    /// <summary>Two flushes, so at least two blocks, of a server of its own: its files hold nothing else.</summary>
    public sealed class WrittenBlocks : IAsyncLifetime
    {
        private readonly TempoProcess _tempo = TempoProcess.Prepare();
        private readonly List<SpanFacts> _sent = [];

        public IReadOnlyList<SpanFacts> Sent => _sent;

        public string[] DataFiles { get; private set; } = [];

        public async ValueTask InitializeAsync()
        {
            await _tempo.StartAsync();
            foreach (var protocol in new[] { "grpc", "json" })
            {
                var sent = await NodeProgram.SendAsync(protocol, _tempo, "everything.json");
                _sent.AddRange(sent.Spans);
                await SendManyAsync();
                await _tempo.Api.FlushAsync();
            }

            DataFiles = _tempo.BlockDataFiles();
        }

        public ValueTask DisposeAsync() => _tempo.DisposeAsync();

        /// <summary>Enough rows that pages, dictionaries and levels are more than trivial.</summary>
        private async Task SendManyAsync()
        {
            using var client = new GrpcClient(_tempo.OtlpGrpcUrl);
            for (var request = 0; request < 20; request++)
            {
                SpanFacts[] spans = [.. Enumerable.Range(1, 40).SelectMany(count => Spans.NewTrace(count % 7 + 1, name: $"operation {count % 5}"))];
                Assert.Equal(GrpcAnswer.Ok, (await client.ExportAsync(ExportRequest.Encode(spans))).Status);
                _sent.AddRange(spans);
            }
        }
    }
}
