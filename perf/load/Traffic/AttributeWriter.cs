using System.Globalization;

namespace Tempo.Perf.Load.Traffic;

/// <summary>Writes key-value attributes into one repeated field of the message that is open in the template writer.</summary>
internal readonly struct AttributeWriter(TemplateWriter writer, int field, Xoshiro256 random)
{
    /// <summary>The source of values that are fixed when the template is made.</summary>
    public Xoshiro256 Random => random;

    public void Text(string key, string value)
    {
        (int attribute, int any) = Open(key);
        writer.Text(OtlpFields.AnyValue.Text, value);
        Close(attribute, any);
    }

    public void Number(string key, long value)
    {
        (int attribute, int any) = Open(key);
        writer.Varint(OtlpFields.AnyValue.Int, value);
        Close(attribute, any);
    }

    public void Flag(string key, bool value)
    {
        (int attribute, int any) = Open(key);
        writer.Varint(OtlpFields.AnyValue.Bool, value ? 1 : 0);
        Close(attribute, any);
    }

    public void Real(string key, double value)
    {
        (int attribute, int any) = Open(key);
        writer.Double(OtlpFields.AnyValue.Double, value);
        Close(attribute, any);
    }

    public void Texts(string key, params ReadOnlySpan<string> values)
    {
        (int attribute, int any) = Open(key);
        int array = writer.Begin(OtlpFields.AnyValue.Array);
        foreach (string value in values)
        {
            int element = writer.Begin(OtlpFields.ArrayValue.Values);
            writer.Text(OtlpFields.AnyValue.Text, value);
            writer.End(element);
        }
        writer.End(array);
        Close(attribute, any);
    }

    /// <summary>Text in which every <c>#</c> is a hex digit drawn anew at each send.</summary>
    public void FreshText(string key, string pattern)
    {
        (int attribute, int any) = Open(key);
        writer.FreshText(OtlpFields.AnyValue.Text, pattern);
        Close(attribute, any);
    }

    /// <summary>A UUID drawn anew at each send.</summary>
    public void FreshUuid(string key) => FreshText(key, UuidPattern);

    /// <inheritdoc cref="TemplateWriter.FreshSize"/>
    public void FreshSize(string key)
    {
        (int attribute, int any) = Open(key);
        writer.FreshSize(OtlpFields.AnyValue.Int);
        Close(attribute, any);
    }

    /// <inheritdoc cref="TemplateWriter.FreshPort"/>
    public void FreshPort(string key)
    {
        (int attribute, int any) = Open(key);
        writer.FreshPort(OtlpFields.AnyValue.Int);
        Close(attribute, any);
    }

    /// <inheritdoc cref="TemplateWriter.FreshOffset"/>
    public void FreshOffset(string key)
    {
        (int attribute, int any) = Open(key);
        writer.FreshOffset(OtlpFields.AnyValue.Int);
        Close(attribute, any);
    }

    public const string UuidPattern = "########-####-####-####-############";

    /// <summary>An address of the cluster's pod network.</summary>
    public static string PodAddress(int host) =>
        string.Create(CultureInfo.InvariantCulture, $"10.244.{host / 250}.{1 + host % 250}");

    private (int Attribute, int Any) Open(string key)
    {
        int attribute = writer.Begin(field);
        writer.Text(OtlpFields.KeyValue.Key, key);
        return (attribute, writer.Begin(OtlpFields.KeyValue.Value));
    }

    private void Close(int attribute, int any)
    {
        writer.End(any);
        writer.End(attribute);
    }
}
