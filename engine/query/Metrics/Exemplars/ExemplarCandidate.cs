using Tempo.Engine.Foundation;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.Query.Metrics.Parts;

namespace Tempo.Engine.Query.Metrics.Exemplars;

/// <summary>A span that may become an exemplar.</summary>
/// <param name="Trace">Its trace, of which at most one span does.</param>
/// <param name="StartUnixNano">Its start.</param>
/// <param name="SpanId">Its id, where it was read (else 0); decides between spans of one start.</param>
/// <param name="Group">Number of the group it was counted in.</param>
/// <param name="Bucket">Histograms and quantiles: its bucket.</param>
/// <param name="Value">The measured value as the answer has it; NaN where there is none.</param>
/// <param name="Labels">What is shown of it.</param>
internal sealed record ExemplarCandidate(
    TraceId Trace, ulong StartUnixNano, ulong SpanId, int Group, int Bucket, double Value, IReadOnlyList<AttributeResult> Labels)
{
    /// <summary>The lowest are kept. A mix of the trace id: as good as random over traces, and the same every time.</summary>
    public ulong Priority { get; } = PriorityOf(Trace);

    public static ulong PriorityOf(TraceId trace)
    {
        var mixed = (trace.Low ^ (trace.High * 0x9E3779B97F4A7C15UL)) * 0xD6E8FEB86659FD93UL;
        return mixed ^ mixed >> 32;
    }

    /// <summary>Of one trace the first span counts.</summary>
    public bool IsBefore(ExemplarCandidate other) =>
        StartUnixNano != other.StartUnixNano ? StartUnixNano < other.StartUnixNano : SpanId < other.SpanId;

    /// <summary>Bytes of one at the least: four numbers of eight, and four counts.</summary>
    public const int LeastBytes = 4 * sizeof(ulong) + 4;

    private const int MaxBucket = Log2Buckets.Count - 1;

    public void Write(PartWriter writer)
    {
        writer.Fixed(Trace.High);
        writer.Fixed(Trace.Low);
        writer.Fixed(StartUnixNano);
        writer.Fixed(SpanId);
        writer.Count(Group);
        writer.Count(Bucket);
        writer.Number(Value);
        writer.Count(Labels.Count);
        foreach (var (key, value) in Labels)
        {
            writer.Text(key);
            WriteValue(writer, value);
        }
    }

    public static ExemplarCandidate Read(ref PartReader reader, int groupCount)
    {
        const string what = "an exemplar";
        var trace = new TraceId(reader.Fixed(what), reader.Fixed(what));
        var (start, span) = (reader.Fixed(what), reader.Fixed(what));
        var (group, bucket, value) = (reader.Within(0, groupCount - 1, "an exemplar's group"),
            reader.Within(0, MaxBucket, "an exemplar's bucket"), reader.Number(what));
        var labels = new AttributeResult[reader.CountOf(LeastLabelBytes, "an exemplar's labels")];
        foreach (ref var label in labels.AsSpan()) label = new AttributeResult(reader.Text("an exemplar's label"), ReadValue(ref reader));
        return new ExemplarCandidate(trace, start, span, group, bucket, value, labels);
    }

    /// <summary>Of a label: its key's length, its type, its value.</summary>
    private const int LeastLabelBytes = 3;

    // As labels show them: ShownValue, without arrays.
    private static void WriteValue(PartWriter writer, object value)
    {
        switch (value)
        {
            case long number:
                writer.Byte((byte)FieldType.Int);
                writer.Fixed((ulong)number);
                break;
            case double number:
                writer.Byte((byte)FieldType.Float);
                writer.Fixed(BitConverter.DoubleToUInt64Bits(number));
                break;
            case bool flag:
                writer.Byte((byte)FieldType.Bool);
                writer.Byte(flag ? (byte)1 : (byte)0);
                break;
            default:
                writer.Byte((byte)FieldType.String);
                writer.Text((string)value);
                break;
        }
    }

    private static object ReadValue(ref PartReader reader)
    {
        const string what = "the value of an exemplar's label";
        return (FieldType)reader.Byte(what) switch
        {
            FieldType.Int => (long)reader.Fixed(what),
            FieldType.Float => BitConverter.UInt64BitsToDouble(reader.Fixed(what)),
            FieldType.Bool => reader.Within(0, 1, what) == 1,
            FieldType.String => reader.Text(what),
            _ => throw reader.Bad(what),
        };
    }
}
