using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;

namespace Tempo.Engine.Generator.RemoteWrite;

/// <summary>
/// Makes what one target wants from a batch of the queue: without exemplars or native histograms, with other labels, or
/// as version 2. A batch that a target takes as it is needs none of this. Not thread safe.
/// </summary>
internal sealed class BatchTranscoder(RemoteWriteTarget target) : IDisposable
{
    private readonly NativeBuffer _output = new();
    private readonly NativeBuffer _series = new();
    private readonly SymbolTable _symbols = new();
    private readonly List<(string Name, string Value)> _labels = [];
    private readonly List<int> _references = [];

    // Of the series that was referred to last, for version 2.
    private ulong _type;

    /// <summary>Whether the target takes a batch with these contents unchanged, in version 1.</summary>
    public bool TakesUnchanged(in BatchCounts counts) =>
        target.WriteRelabelRules.Count == 0 && (target.SendExemplars || counts.Exemplars == 0)
            && (target.SendNativeHistograms || counts.Histograms == 0);

    /// <summary>The message for the target; good until the next call. The counts are of what is in it.</summary>
    public ReadOnlySpan<byte> Transcode(ReadOnlySpan<byte> writeRequest, bool asVersion2, out BatchCounts counts)
    {
        counts = default;
        _output.Clear();
        _symbols.Clear();
        var reader = new ProtobufReader(writeRequest);
        while (reader.TryReadTag(out var tag))
        {
            if (tag != WriteRequestTag.TimeSeries)
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var series)) break;
            counts = Add(counts, WriteSeries(series, asVersion2));
        }

        if (asVersion2)
        {
            var writer = new ProtobufWriter(_output);
            for (var number = 0; number < _symbols.Count; number++) writer.WriteBytes(RequestV2Tag.Symbols, _symbols[number]);
        }

        return _output.Written;
    }

    public void Dispose()
    {
        _output.Dispose();
        _series.Dispose();
    }

    private static BatchCounts Add(in BatchCounts a, in BatchCounts b) =>
        new(a.Samples + b.Samples, a.Exemplars + b.Exemplars, a.Histograms + b.Histograms);

    private BatchCounts WriteSeries(ReadOnlySpan<byte> series, bool asVersion2)
    {
        _series.Clear();
        var writer = new ProtobufWriter(_series);
        if (!(asVersion2 ? TryWriteReferences(series, writer) : TryWriteLabels(series, writer))) return default;
        int samples = 0, exemplars = 0, histograms = 0;
        var reader = new ProtobufReader(series);
        while (reader.TryReadTag(out var tag))
        {
            if (!reader.TryReadBytes(out var content)) break;
            switch (tag)
            {
                case TimeSeriesTag.Samples:
                    writer.WriteBytes(asVersion2 ? TimeSeriesV2Tag.Samples : tag, content);
                    samples++;
                    break;
                case TimeSeriesTag.Histograms when target.SendNativeHistograms:
                    writer.WriteBytes(asVersion2 ? TimeSeriesV2Tag.Histograms : tag, content);
                    histograms++;
                    break;
                case TimeSeriesTag.Exemplars when target.SendExemplars:
                    if (asVersion2) WriteExemplarV2(writer, content);
                    else writer.WriteBytes(tag, content);
                    exemplars++;
                    break;
            }
        }

        if (samples + histograms == 0) return default;
        if (asVersion2)
        {
            var metadata = writer.BeginMessage(TimeSeriesV2Tag.Metadata);
            writer.WriteVarint(MetadataV2Tag.Type, histograms > 0 ? MetadataV2Tag.Histogram : _type);
            writer.EndMessage(metadata);
        }

        new ProtobufWriter(_output).WriteBytes(asVersion2 ? RequestV2Tag.TimeSeries : WriteRequestTag.TimeSeries, _series.Written);
        return new BatchCounts(samples, exemplars, histograms);
    }

    private bool TryWriteLabels(ReadOnlySpan<byte> series, ProtobufWriter writer)
    {
        if (target.WriteRelabelRules.Count > 0)
        {
            if (!TryRelabel(series)) return false;
            foreach (var (name, value) in _labels)
            {
                var label = writer.BeginMessage(TimeSeriesTag.Labels);
                writer.WriteBytes(LabelTag.Name, Encoding.UTF8.GetBytes(name));
                writer.WriteBytes(LabelTag.Value, Encoding.UTF8.GetBytes(value));
                writer.EndMessage(label);
            }

            return true;
        }

        var reader = new ProtobufReader(series);
        while (reader.TryReadTag(out var tag) && reader.TryReadBytes(out var content))
            if (tag == TimeSeriesTag.Labels) writer.WriteBytes(tag, content);
        return true;
    }

    private bool TryWriteReferences(ReadOnlySpan<byte> series, ProtobufWriter writer)
    {
        _references.Clear();
        if (target.WriteRelabelRules.Count > 0)
        {
            if (!TryRelabel(series)) return false;
            foreach (var (name, value) in _labels) Refer(Encoding.UTF8.GetBytes(name), Encoding.UTF8.GetBytes(value));
        }
        else
        {
            InternLabels(series, TimeSeriesTag.Labels);
        }

        WritePacked(writer, TimeSeriesV2Tag.LabelsRefs);
        return true;
    }

    private void WriteExemplarV2(ProtobufWriter writer, ReadOnlySpan<byte> exemplar)
    {
        _references.Clear();
        InternLabels(exemplar, ExemplarTag.Labels);
        var message = writer.BeginMessage(TimeSeriesV2Tag.Exemplars);
        WritePacked(writer, ExemplarV2Tag.LabelsRefs);
        var reader = new ProtobufReader(exemplar);
        while (reader.TryReadTag(out var tag))
        {
            if (tag == ExemplarTag.Value && reader.TryReadFixed64(out var bits)) writer.WriteFixed64(ExemplarV2Tag.Value, bits);
            else if (tag == ExemplarTag.Timestamp && reader.TryReadVarint(out var unixMs))
                writer.WriteVarint(ExemplarV2Tag.Timestamp, unixMs);
            else if (!reader.TrySkip(tag)) break;
        }

        writer.EndMessage(message);
    }

    private void InternLabels(ReadOnlySpan<byte> message, uint labelsTag)
    {
        var reader = new ProtobufReader(message);
        while (reader.TryReadTag(out var tag))
        {
            if (tag != labelsTag)
            {
                if (!reader.TrySkip(tag)) break;
                continue;
            }

            if (!reader.TryReadBytes(out var label)) break;
            ReadLabel(label, out var name, out var value);
            Refer(name, value);
        }
    }

    private void Refer(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (name.SequenceEqual("__name__"u8)) _type = TypeOf(value);
        _references.Add(_symbols.Intern(name));
        _references.Add(_symbols.Intern(value));
    }

    // All that is made here is called as its kind is.
    private static ulong TypeOf(ReadOnlySpan<byte> metric) =>
        metric.EndsWith("_total"u8) ? MetadataV2Tag.Counter
        : metric.EndsWith("_bucket"u8) || metric.EndsWith("_sum"u8) || metric.EndsWith("_count"u8) ? MetadataV2Tag.Histogram
        : MetadataV2Tag.Gauge;

    private void WritePacked(ProtobufWriter writer, uint tag)
    {
        Span<byte> varint = stackalloc byte[Varint.MaxSizeBytes];
        var packed = writer.BeginMessage(tag);
        foreach (var reference in _references) writer.Buffer.Append(varint[..Varint.Encode(varint, (ulong)reference)]);
        writer.EndMessage(packed);
    }

    private bool TryRelabel(ReadOnlySpan<byte> series)
    {
        var labels = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var reader = new ProtobufReader(series);
        while (reader.TryReadTag(out var tag) && reader.TryReadBytes(out var content))
        {
            if (tag != TimeSeriesTag.Labels) continue;
            ReadLabel(content, out var name, out var value);
            labels[Encoding.UTF8.GetString(name)] = Encoding.UTF8.GetString(value);
        }

        foreach (var rule in target.WriteRelabelRules)
            if (!rule.Apply(labels)) return false;
        // Without a name it is no series.
        if (!labels.ContainsKey("__name__")) return false;
        _labels.Clear();
        foreach (var (name, value) in labels) _labels.Add((name, value));
        return true;
    }

    private static void ReadLabel(ReadOnlySpan<byte> label, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        name = value = default;
        var reader = new ProtobufReader(label);
        while (reader.TryReadTag(out var tag) && reader.TryReadBytes(out var text))
        {
            if (tag == LabelTag.Name) name = text;
            else if (tag == LabelTag.Value) value = text;
        }
    }
}
