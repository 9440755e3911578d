using System.Globalization;
using Tempo.Engine.Foundation;
using Tempo.Engine.Node.Peers;
using Tempo.Engine.Node.Slices;
using Tempo.Engine.Query;
using Tempo.Engine.Query.Sources;

namespace Tempo.Node.Tests.Slices;

/// <summary>Questions and answers of slices come out as they went in; what makes no sense is refused as that, whatever it is.</summary>
public sealed class SliceMessagesTests
{
    private static readonly TraceSlice Slice = new(new TraceId(1, 2), new TraceId(ulong.MaxValue, 3));

    private static readonly SearchResult Found = new()
    {
        Message = "a block could not be read",
        Metrics = new SearchMetrics
        {
            InspectedTraces = 1,
            InspectedBytes = 1UL << 40,
            TotalBlocks = 3,
            CompletedJobs = 4,
            TotalJobs = 5,
            TotalBlockBytes = ulong.MaxValue,
            InspectedSpans = 7
        },
        Traces =
        {
            new TraceSearchResult { TraceId = new TraceId(0, 9), StartTimeUnixNano = ulong.MaxValue, DurationMs = uint.MaxValue },
            new TraceSearchResult
            {
                TraceId = new TraceId(5, 6), RootServiceName = "", RootTraceName = "GET /é", StartTimeUnixNano = 1, DurationMs = 2,
                DurationNano = 2_000_001,
                ServiceStats = [new ServiceStatsResult("shop", 3, 1), new ServiceStatsResult("", 0, 0)],
                SpanSets =
                [
                    new SpanSetResult
                    {
                        Matched = 12,
                        Attributes = [new AttributeResult("by(x)", "v"), new AttributeResult("avg(duration)", 0.5)],
                        Spans =
                        [
                            new SpanResult { SpanId = new SpanId(7), StartTimeUnixNano = 1, DurationNanos = ulong.MaxValue,
                                Attributes = [Of("l", long.MinValue), Of("n", -1L), Of("d", double.NegativeInfinity), Of("t", true),
                                    Of("f", false)] },
                            new SpanResult { SpanId = new SpanId(ulong.MaxValue), Name = "", StartTimeUnixNano = 1, DurationNanos = 0,
                                Attributes =
                                    [Of("a", new object[] { "x", "" }), Of("e", Array.Empty<object>()), Of("i", new object[] { 1L, 2L })] },
                        ],
                    },
                ],
            },
        },
    };

    [Fact]
    public void A_search_and_its_answer()
    {
        Assert.True(TenantId.TryParse("other", out var other, out _));
        var search = new SearchRequest
        {
            Query = "{ name = `é` }",
            StartSeconds = 1,
            EndSeconds = uint.MaxValue,
            Limit = 20,
            SpansPerSpanSet = 3,
            MinDurationNano = 4,
            MaxDurationNano = long.MaxValue
        };
        var asked = new SliceQuestion(
            TenantSet.Of([TenantId.Single, other]), Slice, search)
        { Hidden = new HashSet<TraceId> { new(1, 2), new(3, 4) } };
        var heard = SliceMessages.DecodeQuestion(SliceMessages.Encode(asked));
        Assert.Equal(search, heard.Request);
        Assert.True(heard.Hidden.SetEquals(asked.Hidden));
        Assert.Equal((asked.Slice, asked.Tenants.ToString()), (heard.Slice, heard.Tenants.ToString()));

        using var content = new NativeBuffer();
        SearchMessages.Write(content, Found);
        Assert.Equal(Describe(Found), Describe(SearchMessages.Read(content.Written)));
    }

    [Fact]
    public void Metrics_queries()
    {
        var now = DateTimeOffset.FromUnixTimeMilliseconds(1_795_000_000_001);
        QueryRequest range = new QueryRangeRequest
        {
            Query = "{} | rate()",
            StartUnixNano = 1,
            EndUnixNano = ulong.MaxValue,
            StepNano = 3,
            Exemplars = 4,
            MaxSeries = 5
        };
        QueryRequest instant = new QueryInstantRequest { Query = "{} | rate()", StartUnixNano = 1, EndUnixNano = 2, MaxSeries = 5 };
        foreach (var request in new[] { range, instant })
        {
            var heard =
                SliceMessages.DecodeQuestion(SliceMessages.Encode(new SliceQuestion(TenantSet.Single, Slice, request) { Now = now }));
            Assert.Equal((request, now), (heard.Request, heard.Now));
        }
    }

    [Theory]
    [InlineData(QueryErrorKind.BadRequest)]
    [InlineData(QueryErrorKind.Timeout)]
    public void Failures(QueryErrorKind kind)
    {
        using var bytes = new NativeBuffer();
        SliceMessages.Write(bytes, new SliceAnswer(null, new QueryException(kind, "no"), "damage"));
        using var heard = SliceMessages.DecodeAnswer(bytes.Written);
        Assert.Equal((kind, "no", "damage"), (heard.Failure!.Kind, heard.Failure.Message, heard.Damage));
    }

    [Fact]
    public void Whatever_comes_is_read_or_refused()
    {
        using var content = new NativeBuffer();
        SearchMessages.Write(content, Found);
        using var answer = new NativeBuffer();
        SliceMessages.Write(answer, new SliceAnswer(content, null, "damage"));
        var question = SliceMessages.Encode(new SliceQuestion(TenantSet.Single, Slice, new SearchRequest { Query = "{}" }));
        var random = new Random(7);
        foreach (var (whole, read) in new (byte[], Action<byte[]>)[]
        {
            (question, static bytes => SliceMessages.DecodeQuestion(bytes)),
            (answer.Written.ToArray(), static bytes => SliceMessages.DecodeAnswer(bytes).Dispose()),
            (content.Written.ToArray(), static bytes => SearchMessages.Read(bytes)),
        })
        {
            for (var length = 0; length < whole.Length; length++) Try(read, whole[..length]);
            for (var round = 0; round < 5000; round++)
            {
                var bytes = whole.ToArray();
                for (var flips = random.Next(1, 4); flips > 0; flips--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
                Try(read, bytes);
            }
        }

        Assert.Throws<PeerException>(static () => SliceMessages.DecodeQuestion([]));
        Assert.Throws<PeerException>(static () => SliceMessages.DecodeAnswer([]));

        static void Try(Action<byte[]> read, byte[] bytes)
        {
            try
            {
                read(bytes);
            }
            catch (PeerException)
            {
            }
        }
    }

    private static string Describe(SearchResult result)
    {
        var m = result.Metrics;
        return string.Join('\n', [.. result.Traces.Select(Of),
            string.Join(' ', m.InspectedTraces, m.InspectedBytes, m.TotalBlocks, m.CompletedJobs, m.TotalJobs, m.TotalBlockBytes,
                m.InspectedSpans), result.Message]);

        static string Of(TraceSearchResult trace) =>
            string.Create(CultureInfo.InvariantCulture,
                $"{trace.TraceId} [{trace.RootServiceName ?? "?"}] [{trace.RootTraceName ?? "?"}] {trace.StartTimeUnixNano} {trace.DurationMs} {trace.DurationNano}")
                + string.Concat(trace.ServiceStats) + string.Concat(
                    trace.SpanSets.Select(
                        static set => $"({set.Matched} {All(set.Attributes)}: {string.Concat(set.Spans.Select(OfSpan))})"));
        static string OfSpan(SpanResult span) =>
            $"<{span.SpanId} {span.Name ?? "?"} {span.StartTimeUnixNano} {span.DurationNanos} {All(span.Attributes)}>";
        static string All(AttributeResult[] attributes) =>
            string.Join(',', attributes.Select(
                static a => $"{a.Key}={a.Value.GetType().Name} {(a.Value is object[] items ? string.Join('|', items) : a.Value)}"));
    }

    private static AttributeResult Of(string key, object value) => new(key, value);
}
