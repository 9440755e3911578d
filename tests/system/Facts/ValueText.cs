using System.Collections;
using System.Globalization;
using System.Text.Json;

namespace Tempo.SystemTests.Facts;

/// <summary>Attribute values as text in which the type is visible: <c>int:5</c>, <c>double:5</c>, <c>string:5</c>,
/// <c>array:[int:1, int:2]</c>.</summary>
public static class ValueText
{
    /// <summary>Of an OTLP AnyValue in JSON.</summary>
    public static string OfJson(JsonElement any)
    {
        foreach (var member in any.EnumerateObject())
        {
            return member.Name switch
            {
                "stringValue" => $"string:{member.Value.GetString()}",
                "intValue" => $"int:{member.Value}",
                "doubleValue" => OfDouble(double.Parse(member.Value.ToString(), CultureInfo.InvariantCulture)),
                "boolValue" => member.Value.GetBoolean() ? "bool:true" : "bool:false",
                "bytesValue" => $"bytes:{member.Value.GetString()}",
                "arrayValue" => $"array:[{string.Join(", ", Values(member.Value).Select(OfJson))}]",
                "kvlistValue" =>
                    $"kvlist:{{{string.Join(", ", Values(member.Value).Select(kv => $"{kv.GetProperty("key").GetString()}={OfJson(kv.GetProperty("value"))}"))}}}",
                _ => throw new FormatException($"AnyValue has no member {member.Name}"),
            };
        }

        return "empty";
    }

    /// <summary>Of a value in the .NET SDK's terms.</summary>
    public static string OfObject(object? value) => value switch
    {
        null => "empty",
        string text => $"string:{text}",
        bool truth => truth ? "bool:true" : "bool:false",
        int or long => string.Create(CultureInfo.InvariantCulture, $"int:{value}"),
        double number => OfDouble(number),
        IEnumerable list => $"array:[{string.Join(", ", list.Cast<object?>().Select(OfObject))}]",
        _ => throw new NotSupportedException($"an attribute of type {value.GetType()}"),
    };

    private static string OfDouble(double value) => string.Create(CultureInfo.InvariantCulture, $"double:{value:R}");

    private static IEnumerable<JsonElement> Values(JsonElement list) =>
        list.TryGetProperty("values", out var values) ? values.EnumerateArray() : [];
}
