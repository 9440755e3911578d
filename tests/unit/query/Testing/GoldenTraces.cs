using Tempo.Engine.Foundation;

namespace Tempo.Query.Tests.Testing;

/// <summary>The trace set of the specification (TraceQL §11.1).</summary>
public static class GoldenTraces
{
    /// <summary>Base time, unix seconds.</summary>
    public const uint BaseSeconds = 1_700_000_000;

    private static readonly TraceId T1 = new(0x1111111111111111, 0x1111111111111111);
    private static readonly TraceId T2 = new(0x2222222222222222, 0x2222222222222222);
    private static readonly TraceId T3 = new(0x3333333333333333, 0x3333333333333333);
    private static readonly TraceId T4 = new(0, 0xabc);
    private static readonly TraceId T5 = new(0x5555555555555555, 0x5555555555555555);

    /// <summary>In order of arrival, with their short names.</summary>
    public static IReadOnlyList<(string ShortName, TestSpan Span)> All { get; } =
        [.. Trace1(), .. Trace2(), .. Trace3(), .. Trace4(), .. Trace5()];

    public static IReadOnlyList<TestSpan> Spans { get; } = [.. All.Select(static s => s.Span)];

    /// <summary>"T1" of the id that traces have in answers.</summary>
    public static string NameOf(TraceId id) =>
        id == T1 ? "T1" : id == T2 ? "T2" : id == T3 ? "T3" : id == T4 ? "T4" : id == T5 ? "T5" : id.ToString();

    public static string NameOf(SpanId id) => All.Single(s => s.Span.Id == id.Value).ShortName;

    private static ulong At(double seconds) => BaseSeconds * 1_000_000_000UL + For(seconds);

    private static ulong For(double seconds) => (ulong)Math.Round(seconds * 1e9);

    private static IEnumerable<(string, TestSpan)> Trace1()
    {
        var front = new TestResource(new Attributes { { "service.name", "front" }, { "cluster", "eu" }, { "x", 2L }, { "num", 1L } });
        var db = new TestResource(new Attributes { { "service.name", "db" }, { "cluster", "eu" } });
        var lib = new TestScope("lib", "1.2", new Attributes { { "sa", "iv" } });
        var pglib = new TestScope("pglib", "", []);
        yield return ("r", new TestSpan
        {
            TraceId = T1,
            Id = 0xa100000000000001,
            Name = "GET /api",
            StartUnixNano = At(0),
            DurationNano = For(4),
            Kind = 2,
            Resource = front,
            Scope = lib,
            Attributes = new Attributes { { "http.status_code", 200L }, { "http.method", "GET" }, { "ratio", 0.5 }, { "flag", true },
                { "x", 1L }, { "foo bar", "sp" }, { "a+1", 2L }, { "a", 1L } },
        });
        yield return ("c", new TestSpan
        {
            TraceId = T1,
            Id = 0xa200000000000001,
            ParentId = 0xa100000000000001,
            Name = "auth",
            StartUnixNano = At(0.5),
            DurationNano = For(1),
            Kind = 1,
            Status = 2,
            StatusMessage = "boom",
            Resource = front,
            Scope = lib,
            Attributes = new Attributes { { "http.status_code", 500L }, { "flag", false }, { "ratio", 1.5 } },
            Events =
            [
                new TestEvent("exception", For(0.1), new Attributes { { "etype", "E1" }, { "code", 7L } }),
                new TestEvent("log", For(0.2), new Attributes { { "level", "warn" }, { "code", 8L } }),
            ],
        });
        yield return ("d", new TestSpan
        {
            TraceId = T1,
            Id = 0xa300000000000001,
            ParentId = 0xa100000000000001,
            Name = "db",
            StartUnixNano = At(1),
            DurationNano = For(2),
            Kind = 3,
            Resource = db,
            Scope = pglib,
            Attributes = new Attributes { { "http.status_code", "200" }, { "db.system", "pg" } },
            Links = [new TestLink(T2, 0xb100000000000001, new Attributes { { "lk", "v" } })],
        });
        yield return ("g", new TestSpan
        {
            TraceId = T1,
            Id = 0xa400000000000001,
            ParentId = 0xa300000000000001,
            Name = "query",
            StartUnixNano = At(1.2),
            DurationNano = For(0.5),
            Kind = 3,
            Status = 1,
            Resource = db,
            Scope = pglib,
            Attributes = new Attributes { { "rows", 10L }, { "ratio", 2.0 } },
        });
    }

    private static IEnumerable<(string, TestSpan)> Trace2()
    {
        var worker = new TestResource(new Attributes { { "service.name", "worker" }, { "cluster", "us" } });
        yield return ("o", new TestSpan
        {
            TraceId = T2,
            Id = 0xb100000000000001,
            ParentId = ulong.MaxValue,
            Name = "orphan",
            StartUnixNano = At(10),
            DurationNano = For(1),
            Kind = 5,
            Resource = worker,
            Attributes = new Attributes { { "rows", 3L } },
        });
        yield return ("oc", new TestSpan
        {
            TraceId = T2,
            Id = 0xb200000000000001,
            ParentId = 0xb100000000000001,
            Name = "orphan-child",
            StartUnixNano = At(10.1),
            DurationNano = For(0.3),
            Resource = worker,
            Attributes = new Attributes { { "rows", 5L } },
        });
    }

    private static IEnumerable<(string, TestSpan)> Trace3()
    {
        var batch = new TestResource(new Attributes { { "service.name", "batch" } });
        yield return ("ja", new TestSpan
        {
            TraceId = T3,
            Id = 0xc100000000000001,
            Name = "job-a",
            StartUnixNano = At(20),
            DurationNano = For(1),
            Resource = batch,
            Attributes = new Attributes { { "g", "one" } },
        });
        yield return ("jb", new TestSpan
        {
            TraceId = T3,
            Id = 0xc200000000000001,
            Name = "job-b",
            StartUnixNano = At(20.5),
            DurationNano = For(3),
            Resource = batch,
            Attributes = new Attributes { { "g", "two" } },
        });
        yield return ("st", new TestSpan
        {
            TraceId = T3,
            Id = 0xc300000000000001,
            ParentId = 0xc100000000000001,
            Name = "step",
            StartUnixNano = At(20.2),
            DurationNano = For(0.1),
            Resource = batch,
            Attributes = new Attributes { { "g", "one" } },
        });
    }

    private static IEnumerable<(string, TestSpan)> Trace4()
    {
        var edge = new TestResource(new Attributes { { "service.name", "edge" } });
        yield return ("p", new TestSpan
        {
            TraceId = T4,
            Id = 0xd100000000000001,
            Name = "p",
            StartUnixNano = At(30),
            DurationNano = For(1.5),
            Kind = 4,
            Resource = edge,
            Attributes = new Attributes { { "emptystr", "" }, { "neg", -5L }, { "big", long.MaxValue } },
        });
    }

    private static IEnumerable<(string, TestSpan)> Trace5()
    {
        var lists = new TestResource(new Attributes { { "service.name", "lists" } });
        yield return ("l", new TestSpan
        {
            TraceId = T5,
            Id = 0xe100000000000001,
            Name = "arr",
            StartUnixNano = At(35),
            DurationNano = For(0.02),
            Resource = lists,
            Attributes = new Attributes
            {
                { "tags", new object[] { "x", "y" } }, { "nums", new object[] { 1L, 2L, 3L } }, { "fl", new object[] { 1.5, 2.5 } },
                { "bl", new object[] { true, false } },
            },
        });
        yield return ("w", new TestSpan
        {
            TraceId = T5,
            Id = 0xe200000000000001,
            ParentId = 0xe100000000000001,
            Name = "arr2",
            StartUnixNano = At(35.005),
            DurationNano = For(0.01),
            Resource = lists,
            Attributes = new Attributes { { "tags", new object[] { "y" } }, { "nums", new object[] { 9L } }, { "one", "x" } },
        });
    }
}
