// The classic dashboard as it stands in JSON, made of Grafana's own types.
import type * as sdk from "@grafana/grafana-foundation-sdk/dashboard";
import type { Dataquery } from "@grafana/grafana-foundation-sdk/prometheus";
import type * as annolist from "@grafana/grafana-foundation-sdk/annotationslist";
import type * as barchart from "@grafana/grafana-foundation-sdk/barchart";
import type * as bargauge from "@grafana/grafana-foundation-sdk/bargauge";
import type * as dashlist from "@grafana/grafana-foundation-sdk/dashboardlist";
import type * as gauge from "@grafana/grafana-foundation-sdk/gauge";
import type * as heatmap from "@grafana/grafana-foundation-sdk/heatmap";
import type * as histogram from "@grafana/grafana-foundation-sdk/histogram";
import type * as logs from "@grafana/grafana-foundation-sdk/logs";
import type * as piechart from "@grafana/grafana-foundation-sdk/piechart";
import type * as stat from "@grafana/grafana-foundation-sdk/stat";
import type * as statetimeline from "@grafana/grafana-foundation-sdk/statetimeline";
import type * as statushistory from "@grafana/grafana-foundation-sdk/statushistory";
import type * as table from "@grafana/grafana-foundation-sdk/table";
import type * as text from "@grafana/grafana-foundation-sdk/text";
import type * as timeseries from "@grafana/grafana-foundation-sdk/timeseries";
import type * as xychart from "@grafana/grafana-foundation-sdk/xychart";

type IsAny<T> = 0 extends 1 & T ? true : false;

/** JSON writes the value of an enum's member, TypeScript wants its name. */
type Wire<T> = IsAny<T> extends true ? T
  : T extends string ? `${T}`
  : T extends (infer Item)[] ? Wire<Item>[]
  : T extends object ? { [Key in keyof T]: Wire<T[Key]> }
  : T;

/** Grafana fills in what a panel's options leave out. */
type Loose<T> = IsAny<T> extends true ? T
  : T extends string ? `${T}`
  : T extends (infer Item)[] ? Loose<Item>[]
  : T extends object ? { [Key in keyof T]?: Loose<T[Key]> }
  : T;

/** The SDK marks queries with a method; Grafana tells them apart by refId. */
type Query = Omit<Wire<Dataquery>, "_implementsDataqueryVariant" | "refId"> & { refId: string };

type Field = Omit<Wire<sdk.FieldConfig>, "custom">;

type Properties<Custom> =
  | { [Id in keyof Field]-?: { id: Id; value?: Field[Id] } }[keyof Field]
  | (IsAny<Custom> extends true ? { id: `custom.${string}`; value?: any }
    : { [Id in keyof Custom & string]-?: { id: `custom.${Id}`; value?: Loose<Custom[Id]> } }[keyof Custom & string]);

type FieldConfig<Custom> = {
  defaults: Field & { custom?: Loose<Custom> };
  overrides: { matcher: Wire<sdk.MatcherConfig>; properties: Properties<Custom>[] }[];
};

type Of<Type extends string, Options, Custom = any> =
  & Omit<Wire<sdk.Panel>, "type" | "targets" | "options" | "fieldConfig">
  & { type: Type; targets?: Query[]; options?: Loose<Options>; fieldConfig?: FieldConfig<Custom> };

type Panel =
  | Of<"alertlist", any>
  | Of<"annolist", annolist.Options>
  | Of<"barchart", barchart.Options, barchart.FieldConfig>
  | Of<"bargauge", bargauge.Options>
  | Of<"dashlist", dashlist.Options>
  | Of<"gauge", gauge.Options>
  | Of<"heatmap", heatmap.Options, heatmap.FieldConfig>
  | Of<"histogram", histogram.Options, histogram.FieldConfig>
  | Of<"logs", logs.Options>
  | Of<"piechart", piechart.Options, piechart.FieldConfig>
  | Of<"stat", stat.Options>
  | Of<"state-timeline", statetimeline.Options, statetimeline.FieldConfig>
  | Of<"status-history", statushistory.Options, statushistory.FieldConfig>
  | Of<"table", table.Options, table.FieldConfig>
  | Of<"text", text.Options>
  | Of<"timeseries", timeseries.Options, timeseries.FieldConfig>
  | Of<"xychart", xychart.Options, xychart.FieldConfig>;

type Row = Omit<Wire<sdk.RowPanel>, "panels"> & { panels: Panel[] };

type Annotation = Omit<Wire<sdk.AnnotationQuery>, "target"> & { target?: Query | Wire<sdk.AnnotationTarget> };

export type Dashboard = Omit<Wire<sdk.Dashboard>, "panels" | "annotations" | "snapshot"> & {
  panels?: (Panel | Row)[];
  annotations: { list?: Annotation[] };
};
