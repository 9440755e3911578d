using System.Text;
using Tempo.Engine.Storage.Scan;
using Tempo.Engine.TraceQL;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Perf.Work;

/// <summary>A batch of spans with a dozen attributes each, in memory.</summary>
internal static class SyntheticBatch
{
    private const int AttributesPerSpan = 12;

    /// <summary>Conditions on what is in it, one for each kind of inner loop.</summary>
    public static readonly string[] Filters =
    [
        "{ duration > 1s }",
        "{ status = error }",
        "{ kind = server }",
        "{ name = \"n7\" }",
        "{ name =~ \"n1.*\" }",
        "{ span.k3 = \"v9\" }",
        "{ span.k4 = 7 }",
        "{ resource.service.name = \"s3\" }",
        "{ span:id = \"0000000000000010\" }",
    ];

    /// <summary>What stands in the braces.</summary>
    public static FieldExpression ConditionOf(string filter) =>
        ((SpansetFilter)((Pipeline)TraceQlParser.Parse(filter).SearchPipeline).Stages[0]).Condition;

    public static SpanBatch Of(int rows)
    {
        var random = new Random(1);
        var strings = new InternTable();
        int Text(string text) => strings.Intern(Encoding.UTF8.GetBytes(text));
        var batch = new SpanBatch { SpanCount = rows, TraceCount = 1, TraceIds = [default], Trace = new int[rows] };
        batch.SpanId = [.. Enumerable.Range(0, rows).Select(static i => (ulong)i)];
        batch.ParentSpanId = new ulong[rows];
        batch.StartUnixNano = new ulong[rows];
        batch.DurationNano = [.. Enumerable.Range(0, rows).Select(_ => (ulong)random.NextInt64(2_000_000_000))];
        batch.Kind = [.. Enumerable.Range(0, rows).Select(_ => (byte)random.Next(6))];
        batch.Status = [.. Enumerable.Range(0, rows).Select(_ => (byte)(random.Next(30) == 0 ? 2 : 0))];
        batch.Name = new StringColumn { Table = strings, Codes = [.. Enumerable.Range(0, rows).Select(_ => Text($"n{random.Next(100)}"))] };
        const int Resources = 40;
        batch.Resource = [.. Enumerable.Range(0, rows).Select(static i => i / 10 % Resources)];
        batch.Scope = new int[rows];
        batch.Resources.Count = Resources;
        batch.Resources.ServiceName =
            new StringColumn { Table = strings, Codes = [.. Enumerable.Range(0, Resources).Select(i => Text($"s{i % 20}"))] };
        batch.Resources.AttributeStart = new int[Resources + 1];
        batch.AttributeStart = [.. Enumerable.Range(0, rows + 1).Select(static i => i * AttributesPerSpan)];
        var attributes = batch.SpanAttributes;
        attributes.Count = rows * AttributesPerSpan;
        attributes.KeyTable = attributes.Values = strings;
        attributes.Keys = [.. Enumerable.Range(0, attributes.Count).Select(i => Text($"k{i % AttributesPerSpan}"))];
        attributes.Types = [.. Enumerable.Range(0, attributes.Count)
            .Select(static i => i % AttributesPerSpan % 3 == 1 ? AttributeType.Int : AttributeType.String)];
        attributes.Bits = [.. attributes.Types.Select(type => type == AttributeType.Int ? random.Next(100) : Text($"v{random.Next(50)}"))];
        batch.Publish();
        return batch;
    }
}
