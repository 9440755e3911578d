using System.Reflection;
using System.Runtime.InteropServices;
using Tempo.Engine.Foundation;
using Tempo.Engine.Storage.Live;
using Tempo.Otlp.Tests.Oracle;

namespace Tempo.Storage.Tests;

/// <summary>
/// What bounds live data is what it takes in memory: the figure is compared with the lengths of all arrays that a batch has.
/// </summary>
public sealed class LiveMemoryBytesTests
{
    /// <summary>The figure of a batch that has grown to its size may be off by so much of it.</summary>
    private const double Tolerance = 0.25;

    private const int SpansOfRequest = 100;

    public static TheoryData<string> Shapes => [.. s_shapes.Keys];

    private static readonly Dictionary<string, Func<int, Span>> s_shapes = new()
    {
        ["nothing but spans"] = static i => Spans.New((ulong)i + 1),
        ["a trace a span"] = static i => Spans.New((ulong)i + 1, trace: new TraceId(7, (ulong)i + 1)),
        ["repeated texts"] = static i => WithTexts(i, 8, static _ => "the same text, again and again"),
        ["different texts"] = static i => WithTexts(i, 8, static n => $"another text, another: {n:x8}"),
        ["large texts"] = static i => WithTexts(i, 1, static n => new string((char)('a' + n % 26), 1000) + n),
        ["events and links"] = static i =>
        {
            var span = Spans.New((ulong)i + 1);
            for (var n = 0; n < 4; n++)
            {
                span.Events.Add(new Event { Name = "an event", TimeUnixNano = 5, Attributes = { Spans.Text("key", "text") } });
                span.Links.Add(new Link { TraceId = span.TraceId, SpanId = span.SpanId });
            }

            return span;
        },
        ["arrays"] = static i =>
        {
            var array = new ArrayValue();
            for (var n = 0; n < 20; n++) array.Values.Add(new AnyValue { IntValue = i });
            var span = Spans.New((ulong)i + 1);
            span.Attributes.Add(new KeyValue { Key = "array", Value = new AnyValue { ArrayValue = array } });
            return span;
        },
        ["dropped counts"] = static i =>
        {
            var span = Spans.New((ulong)i + 1);
            span.DroppedAttributesCount = 1;
            return span;
        },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void It_is_what_the_arrays_of_a_full_batch_take(string shape)
    {
        var batch = new LiveBatch();
        for (var next = 0; !batch.IsClosed; next += SpansOfRequest)
            batch.Append(Spans.Request(Spans.Of("s", "l", [.. Enumerable.Range(next, SpansOfRequest).Select(s_shapes[shape])])),
                maxAttributeBytes: 2048);
        AssertIsWhatItTakes(batch);
    }

    [Fact]
    public void Resources_of_which_none_is_twice_the_same_count_too()
    {
        var batch = new LiveBatch();
        for (var next = 0; !batch.IsClosed; next += SpansOfRequest)
            batch.Append(Spans.Request(
                [.. Enumerable.Range(next, SpansOfRequest)
                    .Select(static i => Spans.Of($"a service like no other one: {i}", "l", Spans.New((ulong)i + 1)))]),
                        maxAttributeBytes: 2048);
        AssertIsWhatItTakes(batch);
    }

    // Not counted: thousands of tenants with a span each.
    [Fact]
    public void A_batch_of_a_span_takes_some_kilobytes()
    {
        var taken = ArrayBytes(Spans.Append(Spans.Request(Spans.Of("s", "l", WithTexts(1, 8, static n => $"{n}")))), SharedByAll());
        Assert.InRange(taken, 1, 7 << 10);
    }

    private static void AssertIsWhatItTakes(LiveBatch batch)
    {
        var taken = ArrayBytes(batch, SharedByAll());
        Assert.InRange(batch.MemoryBytes, (1 - Tolerance) * taken, (1 + Tolerance) * taken);
    }

    private static Span WithTexts(int i, int count, Func<int, string> text)
    {
        var span = Spans.New((ulong)i + 1);
        for (var n = 0; n < count; n++) span.Attributes.Add(Spans.Text($"key-{n}", text(i * count + n)));
        return span;
    }

    private static HashSet<object> SharedByAll() =>
        new([.. typeof(LiveBatch).GetFields(BindingFlags.Static | BindingFlags.NonPublic).Where(static field => field.FieldType.IsArray)
            .Select(static field => field.GetValue(null)!)], ReferenceEqualityComparer.Instance);

    // All arrays that fields lead to.
    private static long ArrayBytes(object? value, HashSet<object> seen)
    {
        if (value is null or string or Delegate || !seen.Add(value)) return 0;
        if (value is Array array)
        {
            var element = array.GetType().GetElementType()!;
            return element.IsValueType
                ? array.LongLength * Marshal.SizeOf(element.IsEnum ? element.GetEnumUnderlyingType() : element)
                : array.Cast<object?>().Sum(item => ArrayBytes(item, seen));
        }

        long bytes = 0;
        for (var type = value.GetType(); type is not null; type = type.BaseType)
            foreach (var field in type.GetFields(
                BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly))
                if (!field.FieldType.IsValueType)
                    bytes += ArrayBytes(field.GetValue(value), seen);
        return bytes;
    }
}
