using System.Text;
using Tempo.Engine.Foundation;
using Tempo.Engine.Otlp.Wire;
using Tempo.Engine.Query.Tags;

namespace Tempo.Host.Http;

/// <summary>
/// Answers about tags in protobuf:
/// <code>
/// SearchTagsResponse        { repeated string tagNames = 1; MetadataMetrics metrics = 2; }
/// SearchTagsV2Response      { repeated SearchTagsV2Scope scopes = 1; MetadataMetrics metrics = 2; }
/// SearchTagsV2Scope         { string name = 1; repeated string tags = 2; }
/// SearchTagValuesResponse   { repeated string tagValues = 1; MetadataMetrics metrics = 2; }
/// SearchTagValuesV2Response { repeated TagValue tagValues = 1; MetadataMetrics metrics = 2; }
/// TagValue                  { string type = 1; string value = 2; }
/// MetadataMetrics           { uint64 inspectedBytes = 1; }
/// </code>
/// </summary>
internal static class TagProtobuf
{
    private const uint First = 1 << 3 | 2;
    private const uint Second = 2 << 3 | 2;
    private const uint FirstVarint = 1 << 3;

    /// <summary>SearchTagsResponse and SearchTagValuesResponse.</summary>
    public static void WriteTexts(IEnumerable<string> texts, ulong inspectedBytes, NativeBuffer output)
    {
        var writer = new ProtobufWriter(output);
        foreach (var text in texts) WriteText(writer, First, text);
        WriteMetrics(writer, inspectedBytes);
    }

    /// <summary>SearchTagsV2Response.</summary>
    public static void WriteScopes(TagNamesResult result, NativeBuffer output)
    {
        var writer = new ProtobufWriter(output);
        foreach (var scope in result.Scopes)
        {
            var message = writer.BeginMessage(First);
            WriteText(writer, First, scope.Scope);
            foreach (var name in scope.Names) WriteText(writer, Second, name);
            writer.EndMessage(message);
        }

        WriteMetrics(writer, result.InspectedBytes);
    }

    /// <summary>SearchTagValuesV2Response.</summary>
    public static void WriteTypedValues(TagValuesResult result, NativeBuffer output)
    {
        var writer = new ProtobufWriter(output);
        foreach (var (type, value) in result.Values)
        {
            var message = writer.BeginMessage(First);
            WriteText(writer, First, type);
            if (value.Length > 0) WriteText(writer, Second, value);
            writer.EndMessage(message);
        }

        WriteMetrics(writer, result.InspectedBytes);
    }

    private static void WriteMetrics(ProtobufWriter writer, ulong inspectedBytes)
    {
        var message = writer.BeginMessage(Second);
        if (inspectedBytes > 0) writer.WriteVarint(FirstVarint, inspectedBytes);
        writer.EndMessage(message);
    }

    private static void WriteText(ProtobufWriter writer, uint tag, string text) => writer.WriteBytes(tag, Encoding.UTF8.GetBytes(text));
}
