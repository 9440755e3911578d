using System.Buffers;
using System.Text;
using Tempo.Engine.Otlp.Json;
using Tempo.Engine.Query.Tags;

namespace Tempo.Host.Http;

/// <summary>Answers about tags in proto-JSON: lists are always there, zero values are not.</summary>
internal static class TagJson
{
    /// <summary>SearchTagsResponse.</summary>
    public static void WriteNames(IEnumerable<string> names, ulong inspectedBytes, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("tagNames"u8);
        WriteTexts(ref json, names);
        WriteMetrics(ref json, inspectedBytes);
        json.EndObject();
    }

    /// <summary>SearchTagsV2Response.</summary>
    public static void WriteScopes(TagNamesResult result, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("scopes"u8);
        json.BeginArray();
        foreach (var scope in result.Scopes)
        {
            json.BeginObject();
            json.WriteName("name"u8);
            json.WriteText(scope.Scope);
            json.WriteName("tags"u8);
            WriteTexts(ref json, scope.Names);
            json.EndObject();
        }

        json.EndArray();
        WriteMetrics(ref json, result.InspectedBytes);
        json.EndObject();
    }

    /// <summary>SearchTagValuesResponse.</summary>
    public static void WriteValues(TagValuesResult result, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("tagValues"u8);
        WriteTexts(ref json, result.Values.Select(static value => value.Value));
        WriteMetrics(ref json, result.InspectedBytes);
        json.EndObject();
    }

    /// <summary>SearchTagValuesV2Response.</summary>
    public static void WriteTypedValues(TagValuesResult result, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("tagValues"u8);
        json.BeginArray();
        foreach (var (type, value) in result.Values)
        {
            json.BeginObject();
            json.WriteName("type"u8);
            json.WriteText(type);
            if (value.Length > 0)
            {
                json.WriteName("value"u8);
                json.WriteText(value);
            }

            json.EndObject();
        }

        json.EndArray();
        WriteMetrics(ref json, result.InspectedBytes);
        json.EndObject();
    }

    /// <summary>The form for language models: values by their types, and the metrics' number as a number.</summary>
    public static void WriteForModels(TagValuesResult result, IBufferWriter<byte> output)
    {
        var json = new ProtoJsonWriter(output);
        json.BeginObject();
        json.WriteName("tagValues"u8);
        json.BeginObject();
        foreach (var type in result.Values.GroupBy(static value => value.Type))
        {
            json.WriteName(Encoding.UTF8.GetBytes(type.Key));
            WriteTexts(ref json, type.Select(static value => value.Value));
        }

        json.EndObject();
        json.WriteName("metrics"u8);
        json.BeginObject();
        if (result.InspectedBytes > 0)
        {
            json.WriteName("inspectedBytes"u8);
            json.WriteNumber((long)result.InspectedBytes);
        }

        json.EndObject();
        json.EndObject();
    }

    private static void WriteTexts(ref ProtoJsonWriter json, IEnumerable<string> texts)
    {
        json.BeginArray();
        foreach (var text in texts) json.WriteText(text);
        json.EndArray();
    }

    private static void WriteMetrics(ref ProtoJsonWriter json, ulong inspectedBytes)
    {
        json.WriteName("metrics"u8);
        json.BeginObject();
        if (inspectedBytes > 0)
        {
            json.WriteName("inspectedBytes"u8);
            json.WriteUInt64(inspectedBytes);
        }

        json.EndObject();
    }
}
