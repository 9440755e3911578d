using Tempo.SystemTests.Exporters;
using Tempo.SystemTests.Facts;
using Tempo.SystemTests.Otlp;
using Tempo.SystemTests.Server;

namespace Tempo.SystemTests.Blocks;

/// <summary>Blocks are plain Parquet: readers that know nothing of us find every span and attribute in them.</summary>
public sealed class IndependentReaderTests(
    IndependentReaderTests.WrittenBlocks blocks) : IClassFixture<IndependentReaderTests.WrittenBlocks>
{
    [Theory]
    [InlineData("hyparquet", "vParquet5")]
    [InlineData("duckdb", "vParquet5")]
    [InlineData("hyparquet", "vParquet4")]
    [InlineData("duckdb", "vParquet4")]
    public async Task Every_span_and_attribute_that_was_sent_is_in_the_file(string reader, string version)
    {
        var (sent, dataFiles) = blocks.Of(version);
        Assert.NotEmpty(dataFiles);
        SpanFacts.AssertSame(sent, await NodeProgram.ReadBlocksAsync(reader, dataFiles));
    }

    /// <summary>Two flushes, so at least two blocks, of a server of its own: its files hold nothing else.</summary>
    public sealed class WrittenBlocks : IAsyncLifetime
    {
        private readonly Dictionary<string, (TempoProcess Tempo, List<SpanFacts> Sent)> _servers = [];

        public (IReadOnlyList<SpanFacts> Sent, string[] DataFiles) Of(string version) =>
            (_servers[version].Sent, _servers[version].Tempo.BlockDataFiles());

        public async ValueTask InitializeAsync()
        {
            foreach (var version in new[] { "vParquet5", "vParquet4" })
            {
                var tempo = TempoProcess.Prepare(new TempoSettings { BlockVersion = version });
                var sent = new List<SpanFacts>();
                _servers.Add(version, (tempo, sent));
                await tempo.StartAsync();
                foreach (var protocol in new[] { "grpc", "json" })
                {
                    sent.AddRange((await NodeProgram.SendAsync(protocol, tempo, "everything.json")).Spans);
                    await SendManyAsync(tempo, sent);
                    await tempo.Api.FlushAsync();
                }
            }
        }

        public async ValueTask DisposeAsync()
        {
            foreach (var (tempo, _) in _servers.Values) await tempo.DisposeAsync();
        }

        /// <summary>Enough rows that pages, dictionaries and levels are more than trivial.</summary>
        private static async Task SendManyAsync(TempoProcess tempo, List<SpanFacts> sent)
        {
            using var client = new GrpcClient(tempo.OtlpGrpcUrl);
            for (var request = 0; request < 20; request++)
            {
                SpanFacts[] spans =
                    [.. Enumerable.Range(1, 40).SelectMany(count => Spans.NewTrace(count % 7 + 1, name: $"operation {count % 5}"))];
                Assert.Equal(GrpcAnswer.Ok, (await client.ExportAsync(ExportRequest.Encode(spans))).Status);
                sent.AddRange(spans);
            }
        }
    }
}
