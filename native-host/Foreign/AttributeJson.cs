using System.Globalization;
using System.Text.Json;

namespace Tempo.Host.Foreign;

/// <summary>Attribute values as plain JSON: lists as arrays, maps as objects, bytes as base64, numbers that JSON has not as text.</summary>
internal static class AttributeJson
{
    public static void WriteValue(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case string text:
                json.WriteStringValue(text);
                break;
            case bool flag:
                json.WriteBooleanValue(flag);
                break;
            case long number:
                json.WriteNumberValue(number);
                break;
            case double number when double.IsFinite(number):
                json.WriteNumberValue(number);
                break;
            case double number:
                json.WriteStringValue(double.IsNaN(number) ? "NaN" : number > 0 ? "Infinity" : "-Infinity");
                break;
            case byte[] bytes:
                json.WriteBase64StringValue(bytes);
                break;
            case List<object?> items:
                json.WriteStartArray();
                foreach (var item in items) WriteValue(json, item);
                json.WriteEndArray();
                break;
            case List<AttributeRecord> members:
                json.WriteStartObject();
                foreach (var (key, member) in members)
                {
                    json.WritePropertyName(key);
                    WriteValue(json, member);
                }

                json.WriteEndObject();
                break;
            default:
                json.WriteNullValue();
                break;
        }
    }

    /// <summary>A value as text: what formats keep that know no other.</summary>
    public static string ToText(object? value)
    {
        switch (value)
        {
            case null: return "";
            case string text: return text;
            case bool flag: return flag ? "true" : "false";
            case long number: return number.ToString(CultureInfo.InvariantCulture);
            case double number: return number.ToString("R", CultureInfo.InvariantCulture);
            case byte[] bytes: return Convert.ToBase64String(bytes);
            default:
                var output = new System.Buffers.ArrayBufferWriter<byte>();
                using (var json = new Utf8JsonWriter(output, new JsonWriterOptions { SkipValidation = true })) WriteValue(json, value);
                return System.Text.Encoding.UTF8.GetString(output.WrittenSpan);
        }
    }
}
