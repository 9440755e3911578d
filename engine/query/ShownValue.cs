using System.Text;
using Tempo.Engine.Query.Evaluate;
using Tempo.Engine.TraceQL.Ast;

namespace Tempo.Engine.Query;

/// <summary>
/// Values as answers show them: <see cref="string"/>, <see cref="long"/>, <see cref="double"/>, <see cref="bool"/>, or an array of
/// one of these. A status, a kind and a duration are text; so is nil.
/// </summary>
internal static class ShownValue
{
    public const string Nil = "nil";

    public static object Of(in FieldValue value)
    {
        switch (value.Type)
        {
            case FieldType.String: return Encoding.UTF8.GetString(value.Utf8);
            case FieldType.Int: return value.Bits;
            case FieldType.Float: return value.AsDouble;
            case FieldType.Bool: return value.Bits != 0;
            case FieldType.Duration: return TraceQlValue.Duration(value.Bits).ToString();
            case FieldType.Status: return TraceQlValue.Status((TraceQlStatus)value.Bits).ToString();
            case FieldType.Kind: return TraceQlValue.Kind((TraceQlKind)value.Bits).ToString();
            case FieldType.Array:
                var items = new object[value.ElementCount];
                for (var i = 0; i < items.Length; i++) items[i] = Of(value.Element(i));
                return items;
            default: return Nil;
        }
    }

    /// <summary>An aggregate's value.</summary>
    public static object Of(TraceQlValue number) => number.Type switch
    {
        TraceQlType.Int => number.AsInt,
        TraceQlType.Float => number.AsFloat,
        _ => number.ToString(),
    };
}
